"""Movements out of the ordinary, against z-scores worked out by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from tests.transactions.reports.books import analyst
from tests.transactions.reports.movements import book, funded, picked
from transactions import services
from transactions.categories.services import give_category
from transactions.models import Transaction
from transactions.reports import unusual_movements
from transactions.reports.pages.unusual import why
from transactions.reports.report import ReportParameters
from transactions.scope import BANK, Scope, scope_for

pytestmark = pytest.mark.django_db
DECEMBER: dict[str, Any] = {
    "currency": "USD",
    "since": date(2025, 12, 1),
    "until": date(2025, 12, 31),
}
# The average is 10; the squares of the differences add up to 28, over seven a variance of 4.
SPREAD_OF_TWO = ["7", "13", "8", "12", "9", "11", "10", "10"]


@pytest.fixture
def account() -> Account:
    return funded()


def before(account: Account, amounts: list[str], category: str | None = "food") -> None:
    for day, amount in enumerate(amounts, start=1):
        book(f"2025-11-{day:02}", amount, out_of=account, category=category)


def figures(scope: Scope | Account, **changes: Any) -> list[tuple[Any, ...]]:
    scope = scope_for(scope.user) if isinstance(scope, Account) else scope
    rows = unusual_movements(scope, **{**DECEMBER, **changes})
    return picked(rows, "day", "amount", "usual", "score", "earlier")


def test_a_movement_is_held_against_those_before_it(account: Account) -> None:
    before(account, ["7", "13", "7", "13", "10", "10", "10", "10"])  # 36 / 7
    book("2025-12-05", "30", out_of=account, category="food")
    ((day, amount, usual, score, earlier),) = figures(account)
    assert (day, amount, usual, earlier) == (date(2025, 12, 5), 30, 10, 8)
    assert round(score, 6) == round(Decimal(20) / (Decimal(36) / 7).sqrt(), 6)


@pytest.mark.parametrize(("amount", "is_listed"), [("16", True), ("15.99", False)])
def test_from_the_threshold_on(account: Account, amount: str, is_listed: bool) -> None:
    before(account, SPREAD_OF_TWO)
    book("2025-12-05", amount, out_of=account, category="food")
    expected = [(date(2025, 12, 5), 16, 10, 3, 8)] if is_listed else []
    assert figures(account) == expected
    assert len(figures(account, threshold=Decimal("2.9"))) == 1


def test_small_movements_are_unusual_too(account: Account) -> None:
    before(account, ["101", "99"] * 4)
    book("2025-12-05", "50", out_of=account, category="food")
    ((_, amount, usual, score, _),) = figures(account)
    assert (amount, usual) == (50, 100)
    assert round(score, 4) == round(Decimal(-50) / (Decimal(8) / 7).sqrt(), 4)


def test_only_movements_of_the_period_are_listed(account: Account) -> None:
    before(account, ["10"] * 8)
    book("2025-11-30T23:59", "700", out_of=account, category="food")
    book("2025-12-31T23:59", "9000", out_of=account, category="food")
    book("2026-01-01T00:00", "99999", out_of=account, category="food")
    assert [row[1] for row in figures(account, threshold=Decimal(2))] == [9000]


def test_where_all_were_the_same_any_other_amount_is_unusual(account: Account) -> None:
    before(account, ["9.99"] * 8)
    book("2025-12-05", "9.99", out_of=account, category="food")
    book("2025-12-06", "12.99", out_of=account, category="food")
    price = Decimal("9.99")
    assert figures(account) == [(date(2025, 12, 6), Decimal("12.99"), price, None, 9)]


def test_too_few_before_say_nothing(account: Account) -> None:
    before(account, ["9.99"] * 7)
    book("2025-12-05", "5000", out_of=account, category="food")
    assert figures(account) == []


def test_what_lies_longer_back_than_is_asked_for_does_not_count(account: Account) -> None:
    before(account, ["10"] * 8)
    book("2025-12-05", "30", out_of=account, category="food")
    assert len(figures(account, days=90)) == 1
    # Of the 30 days before 5 December, noon, three of the eight are left: those from the fifth on.
    assert figures(account, days=30) == []


def test_the_first_day_of_the_period_is_held_against_as_many_days(account: Account) -> None:
    before(account, ["10"] * 8)  # from noon of 1 November on: 30 days before reach a half day more
    book("2025-12-01T00:00", "30", out_of=account, category="food")
    assert [row[-1] for row in figures(account, days=30)] == [8]


def test_case_makes_no_category_of_its_own(account: Account) -> None:
    before(account, ["10"] * 4, category="Food")
    for day in range(5, 9):
        book(f"2025-11-{day:02}", "10", out_of=account, category="food")
    book("2025-12-05", "30", out_of=account, category="FOOD")
    assert [row[-1] for row in figures(account)] == [8]


def test_each_account_direction_and_category_has_its_own_usual(account: Account) -> None:
    before(account, ["10"] * 8)
    other = funded(user=account.user)
    book("2025-12-01", "500", out_of=account, category="rent")
    book("2025-12-02", "500", into=account, category="food")
    book("2025-12-03", "500", out_of=other, category="food")
    book("2025-12-04", "500", out_of=account)
    assert figures(account) == []


def test_movements_without_a_category_are_held_against_each_other(account: Account) -> None:
    before(account, ["10"] * 8, category=None)
    book("2025-12-05", "11", out_of=account)
    assert len(figures(account)) == 1


def test_refunds_own_transfers_holds_and_strangers_do_not_count(account: Account) -> None:
    before(account, ["10"] * 8)
    shop, savings = funded(), AccountFactory(user=account.user)
    for day in range(1, 9):
        book(f"2025-11-{day + 10}", "10", out_of=account, into=savings, category="food")
    book("2025-12-01", "700", out_of=account, into=savings, category="food")
    before(shop, ["10"] * 8)
    book("2025-12-02", "800", out_of=shop, category="food")
    paid = book("2025-12-03", "10", out_of=account, into=shop, category="food")
    book("2025-12-04", "10", out_of=shop, into=account, category="food", reverses=paid)
    services.hold(from_account=account, amount=Decimal(900), metadata={"category": "food"})
    assert figures(account) == []


def test_the_farthest_from_the_usual_comes_first(account: Account) -> None:
    before(account, ["101", "99"] * 4)
    book("2025-12-05", "150", out_of=account, category="food")
    book("2025-12-06", "9000", out_of=account, category="food")
    assert [row[1] for row in figures(account)] == [9000, 150]


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_days_are_those_of_the_banks_time_zone(account: Account) -> None:
    before(account, ["10"] * 8)
    book("2025-11-30T15:00", "30", out_of=account, category="food")  # midnight there
    assert [row[0] for row in figures(account)] == [date(2025, 12, 1)]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(account) == []


def test_descriptions_are_left_out_where_names_may_not_be_seen(account: Account) -> None:
    before(account, ["10"] * 8)
    book("2025-12-05", "30", out_of=account, category="food", description="For Mara Lindt")
    (row,) = unusual_movements(scope_for(analyst(), BANK), **DECEMBER)
    assert row["what"] == f"Account ··{account.number[-4:]}"
    (row,) = unusual_movements(scope_for(account.user), **DECEMBER)
    assert row["what"] == "For Mara Lindt"


def test_it_is_said_in_words(account: Account) -> None:
    asked = ReportParameters(scope_for(account.user), {"currency": "USD"})
    row = {"paid_for": "food", "usual": Decimal("9.9900"), "earlier": 12, "score": None}
    assert why(row, asked) == "food was 9.99\N{NO-BREAK SPACE}USD each of the 12 times before"
    row |= {"score": Decimal("8.249")}
    assert why(row, asked) == "8.2 standard deviations above the average of food"
    row |= {"paid_for": None, "score": Decimal(-4)}
    assert why(row, asked) == "4.0 standard deviations below the average of No category"


def test_ones_own_categories_are_compared_in_ones_own_money(account: Account) -> None:
    before(account, SPREAD_OF_TWO)
    book("2025-12-05", "30", out_of=account, category="food")
    assert len(figures(account)) == 1
    large = Transaction.objects.filter(amount=30)
    give_category(owner=account.user, rows=large, category="feasts", change=uuid7())
    assert figures(account) == []  # the first of its category
    assert len(figures(scope_for(analyst(), BANK))) == 1
