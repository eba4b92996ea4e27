"""Balances at the ends of days, against figures worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from accounts import services as account_services
from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.reports.books import analyst, bank, pay, rows_of
from transactions import services
from transactions.reports import balance_over_time
from transactions.reports.queries.balances import finest_step, periods_of
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 6)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(overdraft_limit=Decimal(500))
    return account


def figures(account: Account, **asked: Any) -> list[tuple[Any, ...]]:
    asked = {"currency": "USD", "since": FIRST, "until": LAST, **asked}
    rows = balance_over_time(scope_for(account.user), **asked)
    return rows_of(rows, "day", "balance", "change")


def test_each_day_has_its_last_balance_and_its_change(account: Account) -> None:
    pay(None, account, "100", "2026-02-20")
    pay(None, account, "50.25", "2026-03-02T09:00")
    pay(account, None, "20", "2026-03-02T18:00")
    pay(account, None, "200", "2026-03-04")
    assert figures(account) == [
        (date(2026, 3, 1), 100, 0),
        (date(2026, 3, 2), Decimal("130.25"), Decimal("30.25")),
        (date(2026, 3, 3), Decimal("130.25"), 0),
        (date(2026, 3, 4), Decimal("-69.75"), -200),
        (date(2026, 3, 5), Decimal("-69.75"), 0),
        (date(2026, 3, 6), Decimal("-69.75"), 0),
    ]


def test_the_first_day_changes_against_the_day_before_it(account: Account) -> None:
    pay(None, account, "100", "2026-02-28T23:59")
    pay(None, account, "7", "2026-03-01T00:00")
    assert figures(account, until=FIRST) == [(FIRST, 107, 7)]


def test_before_the_first_entry_there_is_nothing(account: Account) -> None:
    pay(None, account, "5", "2026-03-05")
    assert [balance for _, balance, _ in figures(account)] == [0, 0, 0, 0, 5, 5]


def test_all_accounts_of_a_currency_are_added_up_and_one_can_be_asked_for(
    account: Account,
) -> None:
    savings = AccountFactory(user=account.user)
    yen = AccountFactory(user=account.user, currency="JPY")
    pay(None, account, "100", "2026-03-01")
    pay(account, savings, "30", "2026-03-02")
    pay(None, yen, "5000", "2026-03-02")
    day = {"since": date(2026, 3, 2), "until": date(2026, 3, 2)}
    assert figures(account, **day) == [(date(2026, 3, 2), 100, 0)]
    assert figures(account, **day, number=savings.number) == [(date(2026, 3, 2), 30, 30)]
    assert figures(account, **day, currency="JPY") == [(date(2026, 3, 2), 5000, 5000)]


def test_a_currency_of_three_decimals_keeps_them() -> None:
    account = AccountFactory(currency="KWD")
    pay(None, account, "1.125", "2026-03-01")
    pay(account, None, "0.001", "2026-03-02")
    assert [b for _, b, _ in figures(account, currency="KWD")][:2] == [
        Decimal("1.125"),
        Decimal("1.124"),
    ]


def test_holds_do_not_count_and_refunds_do(account: Account) -> None:
    paid = pay(None, account, "40", "2026-03-01")
    services.hold(from_account=account, amount=Decimal(15))
    services.reverse(transaction=paid, amount=Decimal(10))
    today = timezone.localdate()
    assert figures(account, since=today, until=today) == [(today, 30, -10)]


def test_frozen_and_closed_accounts_keep_their_past(account: Account) -> None:
    pay(None, account, "8", "2026-03-01")
    pay(account, None, "8", "2026-03-03")
    account.refresh_from_db()
    account_services.close_account(account=account)
    frozen = AccountFactory(user=account.user)
    pay(None, frozen, "1", "2026-03-01")
    account_services.freeze_account(account=frozen)
    assert [balance for _, balance, _ in figures(account)] == [9, 9, 1, 1, 1, 1]


def test_strangers_money_is_in_the_banks_figures_alone(account: Account) -> None:
    pay(None, account, "1", "2026-03-01")
    pay(None, AccountFactory(), "10", "2026-03-01")
    assert figures(account, until=FIRST) == [(FIRST, 1, 1)]
    whole = balance_over_time(bank(analyst()), currency="USD", since=FIRST, until=FIRST)
    assert rows_of(whole, "balance") == [(11,)]


def test_a_strangers_number_finds_nothing(account: Account) -> None:
    stranger = AccountFactory(balance=10)
    assert figures(account, number=stranger.number) == []


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_days_end_at_the_banks_midnight(account: Account) -> None:
    pay(None, account, "1", "2026-03-01T14:59")  # a minute before midnight there
    pay(None, account, "2", "2026-03-01T15:00")  # midnight: the next day
    assert [balance for _, balance, _ in figures(account)][:2] == [1, 3]


@override_settings(TIME_ZONE="Europe/Berlin")
def test_the_day_of_23_hours_ends_with_its_own_offset(account: Account) -> None:
    pay(None, account, "1", "2026-03-28T22:59")
    pay(None, account, "2", "2026-03-29T21:59")  # summer time since this morning
    pay(None, account, "4", "2026-03-29T22:00")
    days = {"since": date(2026, 3, 28), "until": date(2026, 3, 30)}
    assert [balance for _, balance, _ in figures(account, **days)] == [1, 3, 7]


def test_nothing_is_said_of_days_to_come(account: Account) -> None:
    pay(None, account, "1", "2026-03-01")
    today = timezone.localdate()
    rows = figures(account, since=today, until=today + timedelta(days=9))
    assert [day for day, _, _ in rows] == [today]
    assert figures(account, since=today + timedelta(days=1), until=today + timedelta(days=2)) == []


def test_without_an_account_there_are_no_rows(account: Account) -> None:
    assert figures(account, currency="EUR") == []


def test_weeks_months_and_years_end_where_they_do_and_may_be_cut_short() -> None:
    weeks = periods_of(date(2026, 3, 4), date(2026, 3, 17), "week")  # a Wednesday to a Tuesday
    assert weeks == [
        (date(2026, 3, 4), date(2026, 3, 8)),
        (date(2026, 3, 9), date(2026, 3, 15)),
        (date(2026, 3, 16), date(2026, 3, 17)),
    ]
    months = periods_of(date(2027, 12, 31), date(2028, 2, 29), "month")
    assert [last for _, last in months] == [
        date(2027, 12, 31),
        date(2028, 1, 31),
        date(2028, 2, 29),
    ]
    years = periods_of(date(2025, 5, 5), date(2026, 1, 1), "year")
    assert years == [
        (date(2025, 5, 5), date(2025, 12, 31)),
        (date(2026, 1, 1), date(2026, 1, 1)),
    ]


@pytest.mark.parametrize(
    ("days", "accounts", "step"),
    [(62, 1, "day"), (63, 1, "week"), (365, 3, "week"), (1000, 1, "month"), (9999, 1, "year"),
     (365, 700, "month"), (30, 700, "week")],
)  # fmt: skip
def test_the_steps_are_as_fine_as_points_and_look_ups_stay_few(
    days: int, accounts: int, step: str
) -> None:
    until = FIRST + timedelta(days=days - 1)
    assert finest_step(FIRST, until, accounts) == step
    assert len(periods_of(FIRST, until, step)) <= 64
