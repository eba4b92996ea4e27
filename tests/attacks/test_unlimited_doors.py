"""Every address that writes a row or sends a mail for a stranger is limited. The test finds the
addresses in the resolver.

Each address is requested once without cookies, in each way of `WAYS`. An address that wrote a row
or sent a mail is requested again by one client without cookies, until it does not write or send any
more.
"""

import re
from types import SimpleNamespace

import pytest
from allauth.core.internal import ratelimit
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AttemptCount
from tests.attacks.bank import AttackedBank
from tests.attacks.walk import addresses

pytestmark = pytest.mark.django_db
MOST = 61  # requests of one client in one minute, or in five; the last of them are refused
JSON = {"accept": "application/json"}
# Fields of all forms for strangers.
FORM = {
    "login": "ana@example.com", "password": "a wrong guess", "email": "new@example.com",
    "name": "Nina Berg", "password1": "seven-quiet-harbours", "password2": "seven-quiet-harbours",
    "code": "ABCDEF", "credential": "{}", "theme": "dark", "next": "/",
}  # fmt: skip
WAYS = [(method, headers) for method in ("GET", "POST") for headers in ({}, JSON)]
# Counters, which are the limits themselves.
OWN_TABLES = {"cache", "attempt_counts"}
INSERT = re.compile(r'INSERT INTO "?(\w+)')
AT_LEAST = {
    "account_login", "account_request_login_code", "account_reset_password", "account_signup",
    "account_signup_by_passkey", "security:sign_in_by_passkey",
}  # fmt: skip


@pytest.fixture(autouse=True)
def one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops the clock of the limits, so that a slow machine does not end the minute."""
    clock = ratelimit.time
    still = SimpleNamespace(time=lambda: 1e9, monotonic=clock.monotonic, sleep=clock.sleep)
    monkeypatch.setattr(ratelimit, "time", still)


def ask(url: str, method: str, headers: dict[str, str]) -> bool:
    """Sends a request, and returns whether it wrote a row or sent a mail."""
    client, mails = Client(raise_request_exception=False), len(mail.outbox)
    with CaptureQueriesContext(connection) as sent:
        if method == "GET":
            client.get(url, headers=headers)
        else:
            client.post(url, FORM, headers=headers)
    tables = {table for query in sent for table in INSERT.findall(query["sql"])}
    return bool(tables - OWN_TABLES) or len(mail.outbox) > mails


def is_limited(url: str, method: str, headers: dict[str, str]) -> bool:
    cache.clear()
    AttemptCount.objects.all().delete()
    return not all(ask(url, method, headers) for _ in range(MOST))


def test_every_door_of_strangers_that_writes_or_mails_is_limited(bank: AttackedBank) -> None:
    doors = {
        (address.name, address.url, *way)
        for address in addresses(bank.ana)
        for way in [(method, tuple(headers.items())) for method, headers in WAYS]
        if ask(address.url, way[0], dict(way[1]))
    }
    assert {name for name, *_ in doors} >= AT_LEAST
    unlimited = [
        f"{method} {url} {dict(headers)}"
        for _, url, method, headers in sorted(doors)
        if not is_limited(url, method, dict(headers))
    ]
    assert unlimited == []


def test_a_limited_passkey_sign_in_says_what_to_do() -> None:
    url = "/account/2fa/webauthn/login/"
    answers = [Client().get(url, headers=JSON) for _ in range(MOST)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert "Wait a few minutes" in answers[-1].content.decode()
    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert elsewhere.get(url, headers=JSON).status_code == 200
