"""Accounts by the API: one's own, with exact amounts; their entries, page by page."""

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts import services as account_services
from accounts.models import Account, Currency
from tests.api.calls import ACCOUNTS, post, slug
from tests.factories import AccountFactory
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def entries(client: Client, account: Account, **query: Any) -> Any:
    return client.get(f"{ACCOUNTS}{account.pk}/entries/", query)


def pages(client: Client, account: Account, **query: Any) -> list[list[str]]:
    """The ids of each page, from the first to the last."""
    found, following = [], f"{ACCOUNTS}{account.pk}/entries/"
    answer = client.get(following, query)
    while True:
        data = answer.json()
        found.append([row["transaction"] for row in data["results"]])
        if data["next"] is None:
            return found
        answer = client.get(data["next"])


def test_the_list_has_the_callers_accounts_with_exact_amounts(
    ana: Client, mine: Account, theirs: Account
) -> None:
    yen = AccountFactory(user=mine.user, currency="JPY", balance="1234")
    (first, second) = ana.get(ACCOUNTS).json()["results"]
    assert (first["id"], first["balance"], first["available"]) == (
        str(mine.pk), "1000.00", "1000.00",
    )  # fmt: skip
    assert (second["id"], second["balance"], second["currency"]) == (str(yen.pk), "1234", "JPY")
    assert first["transfer_limit"] is None
    assert first["created_at"].endswith("Z")


def test_somebody_elses_account_is_not_there(ana: Client, theirs: Account) -> None:
    for part in ("", "entries/", "balance/"):
        answer = ana.get(f"{ACCOUNTS}{theirs.pk}/{part}")
        assert (answer.status_code, slug(answer)) == (404, "not-found")


def test_without_a_sign_in_there_is_a_401_that_says_how(client: Client, mine: Account) -> None:
    answer = client.get(ACCOUNTS)
    assert (answer.status_code, slug(answer)) == (401, "not-signed-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_fields_picks_and_a_wrong_one_is_refused(ana: Client, mine: Account) -> None:
    (row,) = ana.get(ACCOUNTS, {"fields": "balance,id"}).json()["results"]
    assert row == {"id": str(mine.pk), "balance": "1000.00"}
    for wrong in ("user", ","):
        answer = ana.get(ACCOUNTS, {"fields": wrong})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "fields")


def test_a_parameter_that_does_not_exist_is_refused(ana: Client, mine: Account) -> None:
    answer = entries(ana, mine, strat="2026-01-01")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "strat")


def test_an_account_is_opened(ana: Client, mine: Account) -> None:
    answer = post(ana, ACCOUNTS, {"name": "Holiday", "currency": "EUR"})
    assert answer.status_code == 201
    opened = Account.objects.get(pk=answer.json()["id"])
    assert (opened.user, opened.name, opened.currency) == (mine.user, "Holiday", "EUR")
    assert answer.json()["balance"] == "0.00"


def opened_by(client: Client, key: str, **changes: str) -> Any:
    sent = {"name": "Holiday", "currency": "EUR", **changes}
    return post(client, ACCOUNTS, sent, Idempotency_Key=key)


@pytest.mark.parametrize("key", ["holiday 1", "0198c5a1-7c52-7d3f-8a4b-2f6d1c9e0b11"])
def test_an_account_is_opened_once_for_each_key(ana: Client, mine: Account, key: str) -> None:
    first, again = opened_by(ana, key), opened_by(ana, key, name=" Holiday ")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    for changes in ({"name": "Car"}, {"currency": "USD"}):
        other = opened_by(ana, key, **changes)
        assert (other.status_code, slug(other)) == (409, "idempotency-conflict")
    assert Account.objects.filter(user=mine.user).count() == 2


def test_the_same_key_of_two_people_opens_an_account_for_each(
    ana: Client, mine: Account, theirs: Account
) -> None:
    mara = Client()
    mara.force_login(theirs.user)
    first, second = opened_by(ana, str(mine.pk)), opened_by(mara, str(mine.pk))
    assert (first.status_code, second.status_code) == (201, 201)
    assert len({first.json()["id"], second.json()["id"], str(mine.pk)}) == 3


def test_an_opened_account_is_answered_again_although_it_would_be_refused_today(
    ana: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = opened_by(ana, "holiday 1")
    monkeypatch.setattr(account_services, "MAX_ACCOUNTS", 2)
    Currency.objects.filter(code="EUR").update(is_open=False)
    assert opened_by(ana, "holiday 1").json() == first.json()
    refusal = opened_by(ana, "holiday 2", currency="USD")
    assert (refusal.status_code, slug(refusal)) == (422, "too-many-accounts")


@pytest.mark.django_db(transaction=True)
def test_a_request_that_comes_twice_at_once_opens_one_account(
    ana: Client, mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is answered while the first stands between its look-up and its INSERT."""
    answers = []

    def late(**facts: Any) -> Account:
        monkeypatch.undo()
        answers.append(opened_by(ana, "holiday 1"))
        return account_services.open_account(**facts)

    monkeypatch.setattr(account_services, "open_account", late)
    answers.append(opened_by(ana, "holiday 1"))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert "Idempotency-Replayed" in answers[1].headers


def test_a_wrong_key_opens_no_account(ana: Client, mine: Account) -> None:
    answer = opened_by(ana, "x" * 256)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert Account.objects.filter(user=mine.user).count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Holiday"},
        {"name": "Holiday", "currency": "XXX"},
        {"name": 5, "currency": "EUR"},
        {"name": "Holiday", "currency": "EUR", "balance": "5.00"},
        ["Holiday"],
    ],
)
def test_an_account_is_not_opened_by_a_wrong_body(ana: Client, mine: Account, body: Any) -> None:
    answer = post(ana, ACCOUNTS, body)
    assert (answer.status_code, slug(answer)) == (400, "invalid-request")
    assert Account.objects.filter(user=mine.user).count() == 1


def test_a_currency_that_there_is_not_gets_those_that_there_are(ana: Client) -> None:
    detail = post(ana, ACCOUNTS, {"name": "Holiday", "currency": "XXX"}).json()["detail"]
    assert "XXX is not the code of an open currency, such as EUR, USD, GBP" in detail
    assert f"{reverse('accounts:open')} lists all {Currency.objects.open().count()}." in detail


@pytest.mark.parametrize("verb", ["put", "patch", "delete"])
def test_an_account_is_closed_on_its_page(ana: Client, mine: Account, verb: str) -> None:
    answer = getattr(ana, verb)(f"{ACCOUNTS}{mine.pk}/")
    assert answer.status_code == 405
    page = reverse("transactions:close", args=[mine.pk])
    assert page.replace(str(mine.pk), "<id>") in answer.json()["detail"]


def test_entries_are_those_of_the_statement(ana: Client, mine: Account, theirs: Account) -> None:
    row = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal("250.5"), description="Rent"
    )
    data = entries(ana, mine).json()
    newest = data["results"][0]
    assert newest["transaction"] == str(row.pk)
    assert (newest["direction"], newest["amount"], newest["signed_amount"]) == (
        "debit", "250.50", "-250.50",
    )  # fmt: skip
    assert newest["balance"] == "749.50"
    assert newest["counterparty"]["name"] == "Mara Lindt"
    assert data["results"][1]["counterparty"] is None


def test_pages_stay_what_they_were_while_rows_come_in(
    ana: Client, mine: Account, theirs: Account
) -> None:
    for _ in range(5):
        services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    first = entries(ana, mine, limit=2).json()
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    rest = ana.get(first["next"]).json()
    seen = [row["transaction"] for row in first["results"] + rest["results"]]
    assert len(set(seen)) == 4
    everything = [id for page in pages(ana, mine, limit=3) for id in page]
    assert len(everything) == len(set(everything)) == 7
    assert everything[1:5] == seen


def test_many_entries_take_as_many_queries_as_few(
    ana: Client, mine: Account, theirs: Account, django_assert_num_queries: Any
) -> None:
    for _ in range(30):
        services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    entries(ana, mine)
    with django_assert_num_queries(4):  # the session, its person, the account, the entries
        assert len(entries(ana, mine).json()["results"]) == 31


def test_a_cursor_of_somebodys_own_making_is_refused(ana: Client, mine: Account) -> None:
    for cursor in ("x", "AAAA", "WzFd", "W10", "bnVsbA", "IiI"):
        answer = entries(ana, mine, cursor=cursor)
        assert (answer.status_code, slug(answer)) == (400, "invalid-request"), cursor


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-01-01T00:00:00+16:00", 200),  # Postgres knows no such offset
        ("0001-01-01T00:00:00+16:00", 400),
        ("9999-12-31T23:59:59-16:00", 400),
        ("2026-01-01T00:00:00", 400),
        (5, 400),
    ],
)
@pytest.mark.parametrize("path", ["transactions", "standing-orders"])
def test_a_cursor_with_a_strange_time_is_no_failure(
    ana: Client, mine: Account, path: str, moment: object, status: int
) -> None:
    made = json.dumps([moment, str(mine.pk)]).encode()
    cursor = base64.urlsafe_b64encode(made).decode().rstrip("=")
    assert ana.get(f"/api/v1/{path}/", {"cursor": cursor}).status_code == status


def test_entries_are_filtered_as_on_the_page(ana: Client, mine: Account, theirs: Account) -> None:
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(5), description="Coffee")
    assert len(entries(ana, mine, direction="out").json()["results"]) == 1
    assert len(entries(ana, mine, q="coffee").json()["results"]) == 1
    assert entries(ana, mine, start="2000-01-01", end="2000-01-02").json()["results"] == []
    assert entries(ana, mine, start="tomorrow").status_code == 400


def test_the_balance_at_a_moment(ana: Client, mine: Account, theirs: Account) -> None:
    before = Transaction.objects.get(to_account=mine).created_at
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    address = f"{ACCOUNTS}{mine.pk}/balance/"
    assert ana.get(address).json()["balance"] == "999.00"
    after = {"at": (before + timedelta(microseconds=1)).isoformat()}
    assert ana.get(address, after).json()["balance"] == "1000.00"
    assert ana.get(address, {"at": "2000-01-01T00:00:00Z"}).json()["balance"] == "0.00"
    for at in ("2000-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"):
        assert ana.get(address, {"at": at}).status_code == 400
