"""Ranks by balance, against places worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts import services as account_services
from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from tests.transactions.reports.books import analyst, bank, clerk, rows_of
from transactions import services
from transactions.reports import accounts_by_balance, users_by_balance
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
PLACES = ("balance", "rank", "dense_rank", "percent_rank", "quartile")


def accounts_with(*balances: str | int, **facts: Any) -> list[Account]:
    return [AccountFactory(balance=balance, **facts) for balance in balances]


def test_ranks_ties_shares_and_quarters_of_accounts() -> None:
    accounts_with(50, 80, 80, 20, 10)
    rows = accounts_by_balance(bank(), currency="USD")
    assert rows_of(rows, *PLACES) == [
        (80, 1, 1, 0.75, 1),
        (80, 1, 1, 0.75, 1),
        (50, 3, 2, 0.5, 2),
        (20, 4, 3, 0.25, 3),
        (10, 5, 4, 0, 4),
    ]


def test_one_account_is_first_of_one_and_nobody_is_poorer() -> None:
    (account,) = accounts_with(7)
    rows = accounts_by_balance(scope_for(account.user), currency="USD")
    assert rows_of(rows, *PLACES) == [(7, 1, 1, 0, 1)]


def test_overdrawn_and_frozen_accounts_count_and_closed_ones_do_not() -> None:
    overdrawn, frozen, closed = (
        AccountFactory(overdraft_limit=Decimal(50)) for _ in range(3)
    )  # all empty
    services.withdraw(from_account=overdrawn, amount=Decimal("12.34"))
    services.deposit(to_account=frozen, amount=Decimal(3))
    account_services.freeze_account(account=frozen)
    account_services.close_account(account=closed)
    rows = accounts_by_balance(bank(), currency="USD")
    assert rows_of(rows, "balance", "rank") == [(3, 1), (Decimal("-12.34"), 2)]


def test_money_that_is_held_is_still_there() -> None:
    (account,) = accounts_with(7)
    services.hold(from_account=account, amount=Decimal(5))
    rows = accounts_by_balance(scope_for(account.user), currency="USD")
    assert rows_of(rows, "balance") == [(7,)]


def test_each_currency_has_its_own_ranks_and_decimals() -> None:
    accounts_with(5, 9)
    accounts_with("1.125", currency="KWD")
    accounts_with(700, currency="JPY")
    assert rows_of(accounts_by_balance(bank(), currency="KWD"), "balance", "rank") == [
        (Decimal("1.125"), 1)
    ]
    assert rows_of(users_by_balance(bank(), currency="JPY"), "balance", "rank") == [(700, 1)]
    assert list(users_by_balance(bank(), currency="EUR")) == []


def test_people_are_ranked_by_all_their_open_accounts_together() -> None:
    ana, bo, cy = (UserFactory(name=name) for name in ("Ana", "Bo", "Cy"))
    accounts_with(40, 30, user=ana)
    accounts_with(60, user=bo)
    accounts_with(70, user=cy)
    accounts_with(999, user=bo, currency="EUR")
    (closed,) = accounts_with(0, user=bo)
    account_services.close_account(account=closed)
    rows = users_by_balance(bank(), currency="USD")
    names = ("who", "accounts_count", "balance", "rank", "dense_rank", "percent_rank")
    assert sorted(rows_of(rows, *names)) == [
        ("Ana", 2, 70, 1, 1, 0.5),
        ("Bo", 1, 60, 3, 2, 0),
        ("Cy", 1, 70, 1, 1, 0.5),
    ]
    assert [row["quartile"] for row in rows] == [1, 2, 3]


def test_names_and_numbers_are_for_those_who_may_see_people() -> None:
    ana = UserFactory(name="Ana")
    (account,) = accounts_with(40, user=ana)
    for report in (accounts_by_balance, users_by_balance):
        (row,) = report(bank(analyst()), currency="USD")
        assert row["who"] == f"··{account.number[-4:]}"
        assert account.number not in str(row)
        (row,) = report(bank(clerk()), currency="USD")
        assert row["who"].startswith("Ana")
        assert account.number in str(row["account_key"])


@pytest.mark.parametrize("slug", ["accounts-by-balance", "users-by-balance"])
def test_the_page_says_why_it_has_numbers_in_place_of_names(client: Client, slug: str) -> None:
    accounts_with(40)
    for person, is_said in ((analyst(), True), (clerk(), False)):
        client.force_login(person)
        said = text_of(client.get(f"/reports/{slug}/", {"whose": "bank"}))
        assert ("numbers replace the names" in said) is is_said


def test_a_person_sees_their_own_accounts_alone() -> None:
    mine, _stranger = accounts_with(1, 1000)
    rows = accounts_by_balance(scope_for(mine.user), currency="USD")
    assert rows_of(rows, "who", "rank") == [(f"Everyday ··{mine.number[-4:]}", 1)]
    assert rows_of(users_by_balance(scope_for(mine.user), currency="USD"), "balance") == [(1,)]
