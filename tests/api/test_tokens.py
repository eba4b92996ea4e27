"""Calls with an access token: its scopes, its limits, and nothing without it."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account
from accounts.sign_in import tokens
from api import rate
from tests.api.calls import ACCOUNTS, TRANSACTIONS, balance_of, bearer, body, post, slug
from tests.conftest import colleague

pytestmark = pytest.mark.django_db


def test_a_token_reads_and_pays_without_a_session(
    client: Client, mine: Account, theirs: Account
) -> None:
    header = bearer(mine.user, "read", "pay")
    (row,) = client.get(ACCOUNTS, headers=header).json()["results"]
    assert row["id"] == str(mine.pk)
    answer = post(client, TRANSACTIONS, body(mine, theirs), **header)
    assert answer.status_code == 201
    assert not answer.cookies


def test_a_first_payment_to_somebody_needs_no_step_up_by_token(
    client: Client, mine: Account, theirs: Account
) -> None:
    sent = body(mine, theirs, amount="1000.00")
    assert post(client, TRANSACTIONS, sent, **bearer(mine.user, "pay")).status_code == 201


@pytest.mark.parametrize("scopes", [["read"], ["pay"]])
def test_a_token_does_what_its_scopes_say_and_no_more(
    client: Client, mine: Account, theirs: Account, scopes: list[str]
) -> None:
    header = bearer(mine.user, *scopes)
    reads = client.get(ACCOUNTS, headers=header)
    pays = post(client, TRANSACTIONS, body(mine, theirs), **header)
    wanted = (200, 403) if scopes == ["read"] else (403, 201)
    assert (reads.status_code, pays.status_code) == wanted
    refused = pays if scopes == ["read"] else reads
    assert slug(refused) == "not-allowed"
    assert ("pay" if scopes == ["read"] else "read") in refused.json()["detail"]


def test_no_wrong_token_signs_in_even_beside_a_session(ana: Client, mine: Account) -> None:
    for text in ("x", "", "ledger_12345678_abc"):
        answer = ana.get(ACCOUNTS, headers={"Authorization": f"Bearer {text}"})
        assert (answer.status_code, slug(answer)) == (401, "token-not-accepted"), text


def test_another_kind_of_authorization_is_refused_with_the_kind_that_is_accepted(
    ana: Client,
) -> None:
    for kind in ("Token 4f2a9c", "Basic YW5hOnNlY3JldA=="):
        answer = Client().get(ACCOUNTS, headers={"Authorization": kind})
        assert (answer.status_code, slug(answer)) == (401, "not-signed-in")
        assert "Bearer" in (told := answer.json()["detail"])
        assert "create_token" in told
        assert kind.split()[1] not in told
        # The password of a proxy in front of the bank does not end a session.
        assert ana.get(ACCOUNTS, headers={"Authorization": kind}).status_code == 200


def test_a_preflight_request_of_a_browser_is_refused_with_the_reason() -> None:
    header = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    answer = Client().options(ACCOUNTS, headers=header)
    assert (answer.status_code, slug(answer)) == (401, "not-signed-in")
    assert "CORS" in answer.json()["detail"]


def test_a_client_with_too_many_wrong_tokens_is_told_to_wait(
    client: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = bearer(mine.user, "read")
    tokens.revoke(token=mine.user.api_tokens.get(), by=mine.user)
    monkeypatch.setattr("accounts.token_middleware.limits.passes_for_client", lambda *_: False)
    answer = client.get(ACCOUNTS, headers=header)
    assert (answer.status_code, slug(answer)) == (429, "too-many-calls")
    assert answer.headers["Retry-After"] == "300"


def test_a_revoked_token_is_refused(client: Client, mine: Account) -> None:
    header = bearer(mine.user, "read")
    tokens.revoke(token=mine.user.api_tokens.get(), by=mine.user)
    assert client.get(ACCOUNTS, headers=header).status_code == 401


def test_a_token_pays_no_more_at_once_or_in_a_day_than_it_may(
    client: Client, mine: Account, theirs: Account
) -> None:
    limits = {"per_payment": Decimal(60), "per_day": Decimal(100), "currency": "USD"}
    header = bearer(mine.user, "pay", **limits)

    def paid(amount: str) -> tuple[int, str]:
        answer = post(client, TRANSACTIONS, body(mine, theirs, amount=amount), **header)
        return answer.status_code, "" if answer.status_code == 201 else slug(answer)

    assert paid("60.01") == (422, "limit-exceeded")
    assert paid("60") == (201, "")
    assert paid("40.01") == (422, "limit-exceeded")
    assert paid("40") == (201, "")
    assert balance_of(mine) == 900


def test_a_token_with_a_limit_pays_in_its_currency_alone(
    client: Client, mine: Account, theirs: Account
) -> None:
    header = bearer(mine.user, "pay", per_day=Decimal(100), currency="EUR")
    answer = post(client, TRANSACTIONS, body(mine, theirs), **header)
    assert (answer.status_code, slug(answer)) == (422, "limit-exceeded")


def test_staff_of_the_cash_desk_pay_in_and_out(client: Client, theirs: Account) -> None:
    header = bearer(colleague(OPERATIONS, "Clerk"), "read", "pay", "staff")
    slip = {"to_account": str(theirs.pk), "amount": "25.00", "description": "Cash"}
    answer = post(client, TRANSACTIONS, slip, **header)
    assert (answer.status_code, answer.json()["type"]) == (201, "deposit")
    out = {"from_account": str(theirs.pk), "amount": "5.00"}
    assert post(client, TRANSACTIONS, out, **header).json()["type"] == "withdrawal"
    assert balance_of(theirs) == 20
    plain = bearer(colleague(OPERATIONS, "Other clerk"), "read", "pay")
    assert slug(post(client, TRANSACTIONS, slip, **plain)) == "not-at-the-cash-desk"


def test_staff_read_a_customers_transaction_with_the_scope_alone(
    client: Client, mine: Account
) -> None:
    row = mine.received.get()
    clerk = colleague(OPERATIONS, "Clerk")
    address = f"{TRANSACTIONS}{row.pk}/"
    assert client.get(address, headers=bearer(clerk, "read", "staff")).status_code == 200
    assert client.get(address, headers=bearer(clerk, "read")).status_code == 404


def test_calls_are_limited_and_told(
    client: Client, mine: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_API_RATE = 3
    monkeypatch.setattr(rate, "_leases", {})
    monkeypatch.setattr(rate, "_now", lambda: 1_800_000_030)
    header = bearer(mine.user, "read")
    answers = [client.get(ACCOUNTS, headers=header) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    told = [answer.headers["RateLimit"] for answer in answers]
    assert told == ['"calls";r=2;t=30', '"calls";r=1;t=30', '"calls";r=0;t=30', '"calls";r=0;t=30']
    assert answers[3].headers["Retry-After"] == "30"
    assert slug(answers[3]) == "too-many-calls"
    other = bearer(mine.user, "read")
    assert client.get(ACCOUNTS, headers=other).status_code == 200


def test_two_processes_share_the_count(
    client: Client, mine: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LEDGER_API_RATE = 40
    header = bearer(mine.user, "read")
    monkeypatch.setattr(rate, "_now", lambda: 1_800_000_030)
    processes: tuple[dict[str, Any], ...] = ({}, {})
    let_through = 0
    for call in range(60):
        monkeypatch.setattr(rate, "_leases", processes[call % 2])
        status = client.get(f"{ACCOUNTS}?fields=id", headers=header).status_code
        let_through += status == 200
    assert 38 <= let_through <= 40
