"""The page "Privacy" says what is kept, for how long, and which cookies there are."""

import re

import pytest
from django.conf import LazySettings
from django.test import Client

from accounts.models import Account
from tests.console import read

pytestmark = pytest.mark.django_db


def test_the_page_of_privacy_is_for_everybody_and_names_each_cookie(
    client: Client, ana: Account
) -> None:
    text = client.get("/privacy/").content.decode()
    for name in ("sessionid", "csrftoken", "theme", "device"):
        assert f"<code>{name}</code>" in text
    assert "10 years after you have left" in text
    client.force_login(ana.user)
    assert client.get("/privacy/").status_code == 200


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "Until we need the space for newer entries"),
        (365, "365 days at most"),
        (730, "2 years at most"),
    ],
)
def test_it_says_how_long_the_logs_of_the_server_are_kept(
    client: Client, settings: LazySettings, days: int, words: str
) -> None:
    settings.LEDGER_KEEP_LOGS_DAYS = days
    text = client.get("/privacy/").content.decode()
    for log in ("Server log", "Security log"):
        assert re.search(rf"<td>{log}: [^<]+</td><td>{words}</td>", text)


def test_it_promises_lines_without_values_only_where_they_are_json(
    client: Client, settings: LazySettings
) -> None:
    promise = "No line of the server log and the security log contains a name"
    settings.LOG_FORMAT = "json"
    assert promise in client.get("/privacy/").content.decode()
    settings.LOG_FORMAT = "text"
    assert promise not in client.get("/privacy/").content.decode()


def test_the_journal_of_a_server_deletes_lines_after_the_days_that_its_settings_say() -> None:
    (days,) = re.findall(r"^LEDGER_KEEP_LOGS_DAYS=(\d+)$", read("deploy/server/ledger.env"), re.M)
    assert f"MaxRetentionSec={days}day\n" in read("deploy/server/journal.conf")
