"""Money by weekday and hour, against figures by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from ledger.charts.geometry import WIDE, HeatMap, Mark
from ledger.charts.stretched import draw_heat
from tests.factories import AccountFactory
from tests.transactions.reports.movements import bank, book, funded, picked
from transactions import services
from transactions.reports import by_weekday_and_hour
from transactions.reports.pages.times import brief
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db
SUMMER: dict[str, Any] = {
    "currency": "USD",
    "since": date(2025, 6, 1),
    "until": date(2025, 8, 31),
}


@pytest.fixture
def account() -> Account:
    return funded()


def figures(scope: Scope | Account, **changes: Any) -> list[tuple[Any, ...]]:
    scope = scope_for(scope.user) if isinstance(scope, Account) else scope
    rows = by_weekday_and_hour(scope, **{**SUMMER, **changes})
    return picked(rows, "weekday", "hour", "payments", "total")


def test_hours_of_the_week_the_one_of_the_most_first(account: Account) -> None:
    for at, amount in [
        ("2025-06-02T08:00", "10"),  # a Monday
        ("2025-06-02T08:59:59", "5.50"),
        ("2025-06-02T09:00", "1"),
        ("2025-06-08T23:30", "70"),  # a Sunday
        ("2025-06-09T08:30", "2"),
    ]:
        book(at, amount, out_of=account)
    assert figures(account) == [
        (7, 23, 1, 70),
        (1, 8, 3, Decimal("17.50")),
        (1, 9, 1, 1),
    ]


@override_settings(TIME_ZONE="Europe/Berlin")
def test_hours_are_those_of_the_banks_clock_in_summer_and_winter(account: Account) -> None:
    book("2025-01-05T23:30", "3", out_of=account)  # half past midnight of a Monday there
    book("2025-07-06T22:30", "4", out_of=account)  # the same, by summer time
    asked = {"since": date(2025, 1, 1), "until": date(2025, 12, 31)}
    assert figures(account, **asked) == [(1, 0, 2, 7)]


def test_out_and_in_are_asked_for_apart(account: Account) -> None:
    book("2025-06-02T08:00", "10", out_of=account)
    book("2025-06-02T09:00", "25", into=account)
    assert figures(account, direction="out") == [(1, 8, 1, 10)]
    assert figures(account, direction="in") == [(1, 9, 1, 25)]


def test_own_transfers_holds_strangers_and_other_currencies_do_not_count(account: Account) -> None:
    book("2025-06-02T08:00", "10", out_of=account)
    book("2025-06-02T09:00", "20", out_of=account, into=AccountFactory(user=account.user))
    book("2025-06-02T10:00", "30", out_of=funded())
    book("2025-06-02T11:00", "40", out_of=funded("JPY", user=account.user))
    services.hold(from_account=account, amount=Decimal(50))
    assert figures(account) == [(1, 8, 1, 10)]
    assert figures(account, currency="JPY") == [(1, 11, 1, 40)]


def test_the_bank_counts_what_left_it(account: Account) -> None:
    other = funded()
    book("2025-06-02T08:00", "10", out_of=account, into=other)
    book("2025-06-02T08:30", "4", out_of=account)
    book("2025-06-02T08:40", "3", out_of=other)
    assert figures(bank()) == [(1, 8, 2, 7)]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(account) == []


def test_figures_in_the_cells_are_short() -> None:
    said = [
        brief(Decimal(amount)) for amount in "0.4 1 38.6 999 1234 9949 9950 310000 4.5E+6".split()
    ]
    assert said == ["<1", "1", "39", "999", "1.2k", "9.9k", "10k", "310k", "4.5M"]


def test_shades_are_quarters_of_the_cells_where_a_few_are_far_higher() -> None:
    values = ["1", "2", "3", "1000", "0"]
    cells = [[Mark(value, Decimal(value), value) for value in values]]
    by_rank = HeatMap("Money", values, ["one"], cells, by_rank=True)
    even = HeatMap("Money", values, ["one"], cells)
    assert [cell.shade for cell in draw_heat(by_rank, WIDE).cells] == [1, 2, 3, 4, 0]
    assert [cell.shade for cell in draw_heat(even, WIDE).cells] == [1, 1, 1, 4, 0]
