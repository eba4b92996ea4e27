"""Statements by the API: the numbered ones as a list, and as the files that the pages give."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from banking.statement_files import files
from banking.statement_files.files import LABELS
from banking.statement_files.models import MonthlyStatement
from tests.api.calls import ACCOUNTS, bearer, slug
from tests.banking.statement_files.conftest import account, issued
from tests.factories import AccountFactory

__all__ = ["account", "issued"]
pytestmark = pytest.mark.django_db
Get = Callable[[str], Any]


@pytest.fixture
def get(account: Account) -> Get:
    """Asks below the account, by a token that reads."""
    header = bearer(account.user, "read")
    return lambda path: Client().get(f"{ACCOUNTS}{account.pk}/{path}", headers=header)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def test_the_list_is_newest_first_page_by_page(get: Get, issued: list[MonthlyStatement]) -> None:
    first = get("statements/?limit=2").json()
    assert [row["number"] for row in first["results"]] == [3, 2]
    second = get("statements/" + first["next"].partition("statements/")[2]).json()
    assert ([row["number"] for row in second["results"]], second["next"]) == ([1], None)
    january, stored = second["results"][0], issued[0]
    assert (january["first_day"], january["last_day"]) == ("2026-01-01", "2026-01-31")
    assert january["closing"] == f"{stored.closing:.2f}"
    assert (january["digest"], january["entry_count"]) == (stored.hex_digest, stored.entry_count)
    assert get("statements/?fields=number").json()["results"] == [{"number": n} for n in (3, 2, 1)]


@pytest.mark.parametrize("cursor", ["", "x", "-1", "1.5", "9" * 12, "\u0663"])
def test_another_cursor_than_that_of_next_cannot_be_read(get: Get, cursor: str) -> None:
    answer = get(f"statements/?cursor={cursor}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


@pytest.mark.parametrize("kind", LABELS)
def test_a_numbered_statement_is_the_file_of_the_page(
    get: Get, account: Account, issued: list[MonthlyStatement], kind: str
) -> None:
    browser = Client()
    browser.force_login(account.user)
    page = browser.get(f"/accounts/{account.pk}/statements/2.{kind}")
    whole = content(page)  # one download at a time
    answer = get(f"statements/2/?format={kind}")
    assert (answer.status_code, content(answer)) == (200, whole)
    for name in ("Content-Type", "Content-Disposition"):
        assert answer.headers[name] == page.headers[name]


@pytest.mark.parametrize("kind", LABELS)
def test_any_entries_are_the_file_of_the_page_with_the_same_filters(
    get: Get, account: Account, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: now)
    monkeypatch.setattr("django.core.signing.TimestampSigner.timestamp", lambda _signer: "1")
    filters = "start=2026-02-01&end=2026-02-20&direction=out&q=12.50"
    browser = Client()
    browser.force_login(account.user)
    page = browser.get(f"/accounts/{account.pk}/statement.{kind}?{filters}")
    whole = content(page)
    answer = get(f"statement/?format={kind}&{filters}")
    assert (answer.status_code, content(answer)) == (200, whole)
    assert answer.headers["Content-Disposition"] == page.headers["Content-Disposition"]


def test_without_a_format_the_file_is_json_and_accept_chooses_too(
    get: Get, account: Account, issued: list[MonthlyStatement]
) -> None:
    usual = get("statements/1/")
    assert usual.headers["Content-Type"].startswith("application/json")
    assert content(usual)  # to its end: a person has one download at a time
    header = {**bearer(account.user, "read"), "Accept": "application/pdf"}
    answer = Client().get(f"{ACCOUNTS}{account.pk}/statements/1/", headers=header)
    assert content(answer).startswith(b"%PDF")


@pytest.mark.parametrize("path", ["statements/9/", "statements/99999999999/"])
def test_there_is_no_other_file(get: Get, issued: list[MonthlyStatement], path: str) -> None:
    answer = get(path)
    assert (answer.status_code, slug(answer)) == (404, "not-found")


@pytest.mark.parametrize(
    "path", ["statement/?start=soon", "statement/?direction=up", "statements/1/?format=exe"]
)
def test_a_filter_that_cannot_be_read_is_named(get: Get, path: str) -> None:
    answer = get(path)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert answer.json()["errors"][0]["field"] in path


@pytest.mark.parametrize("path", ["statements/1/?format=pdf", "statement/?format=pdf"])
def test_what_is_too_long_for_its_format_is_a_problem(
    get: Get, issued: list[MonthlyStatement], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(files.LIMITS, "pdf", 3)
    answer = get(path)
    assert (answer.status_code, slug(answer)) == (422, "file-too-long")
    assert answer.json()["field"] == "format"


@pytest.mark.parametrize("path", ["statements/", "statements/1/", "statement/"])
def test_nobody_elses_and_none_without_the_scope_read(
    account: Account, issued: list[MonthlyStatement], path: str
) -> None:
    address = f"{ACCOUNTS}{account.pk}/{path}"
    other = bearer(AccountFactory().user, "read")
    assert Client().get(address, headers=other).status_code == 404
    payer = bearer(account.user, "pay")
    assert Client().get(address, headers=payer).status_code == 403
