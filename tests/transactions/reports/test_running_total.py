"""Running totals of people and accounts, against figures worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from tests.transactions.reports.books import analyst, bank, clerk, pay, rows_of
from transactions import services
from transactions.reports import running_total
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db
SPRING: dict[str, Any] = {
    "currency": "USD",
    "since": date(2026, 3, 1),
    "until": date(2026, 5, 31),
}
MARCH, APRIL, MAY = (date(2026, month, 1) for month in (3, 4, 5))


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(user=UserFactory(name="Ana"), name="Everyday")
    return account


def figures(scope: Scope, **asked: Any) -> list[tuple[Any, ...]]:
    rows = running_total(scope, **{**SPRING, **asked})
    return [
        (who.split(" ")[0], *rest) for who, *rest in rows_of(rows, "who", "month", "net", "total")
    ]


def test_each_accounts_total_runs_on_from_month_to_month(account: Account) -> None:
    savings = AccountFactory(user=account.user, name="Savings")
    pay(None, account, "1000", "2026-02-10")
    pay(account, None, "100.50", "2026-03-05")
    pay(account, savings, "200", "2026-03-06")
    pay(savings, None, "20", "2026-05-01")
    pay(None, account, "50", "2026-05-31T23:59")
    pay(None, account, "7", "2026-06-01")
    assert figures(scope_for(account.user)) == [
        ("Savings", MARCH, 200, 200),
        ("Savings", MAY, -20, 180),
        ("Everyday", MARCH, Decimal("-300.50"), Decimal("-300.50")),
        ("Everyday", MAY, 50, Decimal("-250.50")),
    ]


def test_each_persons_own_transfers_cancel_out(account: Account) -> None:
    savings = AccountFactory(user=account.user)
    other = AccountFactory(user=UserFactory(name="Bo"))
    pay(None, account, "100", "2026-03-01")
    pay(account, savings, "60", "2026-03-02")
    pay(savings, other, "10", "2026-04-02")
    assert figures(bank()) == [
        ("Ana", MARCH, 100, 100),
        ("Ana", APRIL, -10, 90),
        ("Bo", APRIL, 10, 10),
    ]


def test_who_gained_most_comes_first_with_all_their_months(account: Account) -> None:
    bo = AccountFactory(user=UserFactory(name="Bo"))
    pay(None, bo, "90", "2026-03-01")
    pay(bo, None, "80", "2026-04-01")
    pay(None, account, "11", "2026-05-01")
    assert [(who, total) for who, _, _, total in figures(bank())] == [
        ("Ana", 11),
        ("Bo", 90),
        ("Bo", 10),
    ]


def test_without_names_a_person_is_the_same_account_in_every_month(account: Account) -> None:
    savings = AccountFactory(user=account.user)
    pay(None, account, "1", "2026-03-01")
    pay(None, savings, "2", "2026-04-01")
    lowest = min(account.number, savings.number)
    rows = list(running_total(bank(analyst()), **SPRING))
    assert rows_of(rows, "who", "account_key", "total") == [
        (f"··{lowest[-4:]}", [str(account.pk)], 1),
        (f"··{lowest[-4:]}", [str(savings.pk)], 3),
    ]
    assert "Ana" not in str(rows)


def test_with_names_the_numbers_of_the_accounts_lead_to_the_rows(account: Account) -> None:
    savings = AccountFactory(user=account.user)
    pay(None, account, "1", "2026-03-01")
    pay(None, savings, "2", "2026-03-01")
    (row,) = running_total(bank(clerk()), **SPRING)
    assert row["account_key"] == sorted([account.number, savings.number])


def test_two_people_with_one_name_are_two(account: Account) -> None:
    namesake = AccountFactory(user=UserFactory(name="Ana"))
    pay(None, account, "5", "2026-03-01")
    pay(None, namesake, "5", "2026-03-02")
    assert figures(bank()) == [("Ana", MARCH, 5, 5), ("Ana", MARCH, 5, 5)]


def test_a_person_without_a_name_goes_by_their_address() -> None:
    account = AccountFactory(user=UserFactory(name="", email="nameless@example.com"))
    pay(None, account, "5", "2026-03-01")
    assert figures(bank())[0][0] == "nameless@example.com"


def test_other_currencies_strangers_and_holds_do_not_count(account: Account) -> None:
    pay(None, account, "100", "2026-03-01")
    pay(None, AccountFactory(user=account.user, currency="JPY"), "700", "2026-03-01")
    pay(None, AccountFactory(), "31", "2026-03-01")
    services.hold(from_account=account, amount=Decimal(9))
    mine = scope_for(account.user)
    assert figures(mine) == [("Everyday", MARCH, 100, 100)]
    assert figures(mine, currency="JPY") == [("Everyday", MARCH, 700, 700)]


@override_settings(TIME_ZONE="America/New_York")
def test_months_are_those_of_the_banks_time_zone(account: Account) -> None:
    pay(None, account, "1", "2026-04-01T03:59")  # still March there
    pay(None, account, "2", "2026-04-01T04:00")
    assert figures(scope_for(account.user)) == [
        ("Everyday", MARCH, 1, 1),
        ("Everyday", APRIL, 2, 3),
    ]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(scope_for(account.user)) == []
    assert figures(bank()) == []
