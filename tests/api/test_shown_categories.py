"""The caller's own categories by the API: wherever a category is, as on pages and in files."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.api.calls import ACCOUNTS, TRANSACTIONS, bearer, body, post
from tests.conftest import colleague
from tests.factories import AccountFactory
from tests.transactions.table_files import csv_of
from transactions import services
from transactions.categories.services import give_category, undo_change
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
SEARCH = "/api/v1/search/"
BANKS, OWN = "savings", "holiday"


@pytest.fixture
def paid(mine: Account, theirs: Account) -> Transaction:
    """A payment with a category of the bank, to which its sender gave another one."""
    row = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(5), description="Hotel",
        metadata={"category": BANKS},
    )  # fmt: skip
    give(mine.user, row, OWN)
    return row


def give(owner: User, row: Transaction, category: str) -> None:
    rows = Transaction.objects.filter(pk=row.pk)
    give_category(owner=owner, rows=rows, category=category, change=uuid7())


def categories_in(data: Any, row: Transaction) -> Iterator[str | None]:
    """Every `category` of this transaction, or of an entry of it, in an answer."""
    if isinstance(data, list):
        for each in data:
            yield from categories_in(each, row)
    elif isinstance(data, dict):
        named = data.get("transaction")
        of_entry = named.get("id") if isinstance(named, dict) else named
        if "category" in data and str(row.pk) in (data.get("id"), of_entry):
            yield data["category"]
        for each in data.values():
            yield from categories_in(each, row)


def calls_that_read(row: Transaction, account: Account) -> list[str]:
    entries = f"{ACCOUNTS}{account.pk}/entries/"
    return [
        TRANSACTIONS, f"{TRANSACTIONS}{row.pk}/", f"{TRANSACTIONS}?expand=from_account,entries",
        f"{TRANSACTIONS}?fields=id,category", entries, f"{entries}?expand=transaction",
        f"{SEARCH}?q=hotel", f"{SEARCH}?q=hotel&sort=newest",
    ]  # fmt: skip


def test_each_call_has_the_category_of_the_pages_and_files_of_the_same_reader(
    client: Client, mine: Account, theirs: Account, paid: Transaction
) -> None:
    for account, category in ((mine, OWN), (theirs, BANKS)):
        client.force_login(account.user)
        for url in (
            "/search/results.csv?q=hotel", f"/accounts/{account.pk}/statement.csv?q=hotel",
            f"/transactions/{paid.pk}/sides.csv",
        ):  # fmt: skip
            assert csv_of(client, url)[0]["category"] == category
        for url in calls_that_read(paid, account):
            found = list(categories_in(client.get(url).json(), paid))
            assert found == [category] * (2 if "expand=transaction" in url else 1), url


def test_a_search_by_a_category_finds_what_has_it(ana: Client, paid: Transaction) -> None:
    data = ana.get(SEARCH, {"q": f"category:{OWN}"}).json()
    assert [row["category"] for row in data["results"]] == [OWN]
    assert data["facets"]["category"] == [{"value": OWN, "count": 1}]


def test_a_transaction_in_place_of_its_id_has_it(
    ana: Client, mine: Account, theirs: Account
) -> None:
    hold = services.hold(from_account=mine, to_account=theirs, amount=Decimal(40))
    captured = services.capture(hold=hold)
    refund = services.reverse(transaction=captured, amount=Decimal(5))
    for row in (hold, captured):
        give(mine.user, row, OWN)
    for row, name in ((captured, "captures"), (refund, "reverses")):
        data = ana.get(f"{TRANSACTIONS}{row.pk}/?expand={name}").json()
        assert data[name]["category"] == OWN


def test_a_payment_sent_again_has_the_category_of_now(
    ana: Client, mine: Account, theirs: Account
) -> None:
    payment = body(mine, theirs, metadata={"category": BANKS})
    first = post(ana, TRANSACTIONS, payment, Idempotency_Key="k")
    assert first.json()["category"] == BANKS
    give(mine.user, Transaction.objects.get(pk=first.json()["id"]), OWN)
    again = post(ana, TRANSACTIONS, payment, Idempotency_Key="k")
    assert again.json() == {**first.json(), "category": OWN}
    assert again.json()["metadata"] == {"category": BANKS}


def test_a_token_that_only_pays_learns_no_category_by_paying_again(
    client: Client, mine: Account, theirs: Account
) -> None:
    token = bearer(mine.user, "pay")
    payment = body(mine, theirs, metadata={"category": BANKS})
    first = post(client, TRANSACTIONS, payment, Idempotency_Key="k", **token)
    give(mine.user, Transaction.objects.get(pk=first.json()["id"]), OWN)
    again = post(client, TRANSACTIONS, payment, Idempotency_Key="k", **token)
    assert (again.status_code, again.json()) == (201, first.json())


def test_staff_read_the_category_of_the_bank(client: Client, paid: Transaction) -> None:
    clerk = bearer(colleague(OPERATIONS, "Clerk"), "read", "staff")
    for url in (f"{TRANSACTIONS}{paid.pk}/", f"{SEARCH}?q=hotel&whose=bank"):
        data = client.get(url, headers=clerk).json()
        assert list(categories_in(data, paid)) == [BANKS], url


def test_staff_with_a_category_of_their_own_read_it_in_their_own_money_alone(
    client: Client, theirs: Account
) -> None:
    clerk = colleague(OPERATIONS, "Clerk")
    everyday = AccountFactory(user=clerk, balance="50")
    row = services.transfer(
        from_account=everyday, to_account=theirs, amount=Decimal(5), description="Hotel",
        metadata={"category": BANKS},
    )  # fmt: skip
    give(clerk, row, OWN)
    header = bearer(clerk, "read", "staff")
    for url, category in (
        (f"{TRANSACTIONS}{row.pk}/", OWN),
        (f"{SEARCH}?q=hotel&whose=mine", OWN),
        (f"{SEARCH}?q=hotel&whose=bank", BANKS),
    ):
        data = client.get(url, headers=header).json()
        assert list(categories_in(data, row)) == [category], url


def test_the_tag_of_a_transaction_changes_with_its_category(
    ana: Client, mine: Account, paid: Transaction
) -> None:
    address = f"{TRANSACTIONS}{paid.pk}/"
    seen = {"If-None-Match": ana.get(address).headers["ETag"]}
    assert ana.get(address, headers=seen).status_code == 304
    change = uuid7()
    rows = Transaction.objects.filter(pk=paid.pk)
    give_category(owner=mine.user, rows=rows, category="trips", change=change)
    assert ana.get(address, headers=seen).json()["category"] == "trips"
    undo_change(owner=mine.user, change=change)
    assert ana.get(address, headers=seen).status_code == 304
