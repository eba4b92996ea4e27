"""Spending by category, this period against the one before, against figures by hand."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from tests.transactions.reports.movements import bank, book, funded, picked
from transactions import services
from transactions.annotations.models import OwnCategory
from transactions.reports import spending_by_category
from transactions.reports.queries.spending import days_before
from transactions.scope import Scope, scope_for

pytestmark = pytest.mark.django_db
NOVEMBER: dict[str, Any] = {
    "currency": "USD",
    "since": date(2025, 11, 1),
    "until": date(2025, 11, 20),
}


@pytest.fixture
def account() -> Account:
    return funded()


def figures(scope: Scope | Account, **changes: Any) -> list[tuple[Any, ...]]:
    scope = scope_for(scope.user) if isinstance(scope, Account) else scope
    rows = spending_by_category(scope, **{**NOVEMBER, **changes})
    return picked(rows, "spent_on", "net", "given_back", "before", "change")


def test_each_category_beside_the_same_days_of_the_month_before(account: Account) -> None:
    for at, amount, category in [
        ("2025-09-30T23:59", "7", "groceries"),
        ("2025-10-02", "950", "rent"),
        ("2025-10-03", "40", "groceries"),
        ("2025-10-20T23:59", "10", "groceries"),
        ("2025-10-21T00:00", "99", "groceries"),
        ("2025-11-01T00:00", "30", "groceries"),
        ("2025-11-02", "950", "rent"),
        ("2025-11-05", "12", None),
        ("2025-11-06", "8", ""),
        ("2025-11-20T23:59", "25.50", "groceries"),
        ("2025-11-21T00:00", "500", "groceries"),
    ]:
        book(at, amount, out_of=account, category=category)
    assert figures(account) == [
        ("rent", 950, None, 950, 0),
        ("groceries", Decimal("55.50"), None, 50, Decimal("5.50")),
        (None, 20, None, 0, 20),
    ]


def test_shares_are_of_the_whole(account: Account) -> None:
    book("2025-10-05", "1000", out_of=account, category="travel")
    book("2025-11-05", "75", out_of=account, category="rent")
    book("2025-11-06", "25", out_of=account, category="health")
    rows = spending_by_category(scope_for(account.user), **NOVEMBER)
    assert picked(rows, "spent_on", "share") == [
        ("rent", Decimal("0.75")), ("health", Decimal("0.25")), ("travel", 0),
    ]  # fmt: skip


def test_money_put_aside_is_not_spent(account: Account) -> None:
    """Neither a transfer to the person's savings account, nor a payment to one at another bank."""
    savings, shop = funded(user=account.user), funded()
    book("2025-10-06", "900", out_of=account, category="savings")
    book("2025-11-02", "500", out_of=account, into=savings, category="savings")
    fund = book("2025-11-03", "3750", out_of=account, into=shop, category="Savings")
    book("2025-11-04", "50", out_of=shop, into=account, reverses=fund)
    book("2025-11-05", "900", out_of=account, category="savings")
    book("2025-11-07", "8", out_of=account, category="food")
    book("2025-11-08", "2", out_of=account)
    assert figures(account) == [("food", 8, None, 0, 8), (None, 2, None, 0, 2)]
    assert figures(bank()) == [("food", 8, None, 0, 8), (None, 2, None, 0, 2)]


def test_the_own_category_decides_what_is_put_aside(account: Account) -> None:
    paid = book("2025-11-03", "70", out_of=account, category="transfer")
    kept = book("2025-11-04", "30", out_of=account, category="savings")
    for row, category in ((paid, "savings"), (kept, "gifts")):
        OwnCategory.objects.create(
            owner=account.user, transaction=row, category=category, change=uuid7()
        )
    assert figures(account) == [("gifts", 30, None, 0, 30)]


def test_a_refund_is_taken_off_the_category_it_gives_back(account: Account) -> None:
    shop = funded()
    paid = book("2025-11-02", "80", out_of=account, into=shop, category="shopping")
    book("2025-11-03", "20", out_of=account, category="shopping")
    book("2025-11-04", "50", out_of=shop, into=account, category="shopping", reverses=paid)
    silent = book("2025-11-05", "30", out_of=account, into=shop, category="health")
    book("2025-11-06", "10", out_of=shop, into=account, reverses=silent)
    assert figures(account) == [("shopping", 50, 50, 0, 50), ("health", 20, 10, 0, 20)]
    rows = spending_by_category(scope_for(account.user), **NOVEMBER)
    assert picked(rows, "spent_on", "spent") == [("shopping", 100), ("health", 30)]
    # What the shop gave back was its income, not its spending.
    assert figures(shop) == []


def test_case_makes_no_category_of_its_own(account: Account) -> None:
    """As in the search, whose category: knows no case either."""
    paid = book("2025-11-02", "10", out_of=account, category="Eating Out")
    book("2025-11-03", "20", out_of=account, category="eating out")
    book("2025-11-04", "40", out_of=account, category="EATING OUT")
    book("2025-11-05", "5", into=account, reverses=paid)
    nameless = book("2025-11-06", "9", out_of=account, category="")
    book("2025-11-07", "2", into=account, reverses=nameless)
    book("2025-11-08", "1", out_of=account)
    assert figures(account) == [("eating out", 65, 5, 0, 65), (None, 8, 2, 0, 8)]


def test_a_refund_counts_in_the_period_in_which_it_came(account: Account) -> None:
    paid = book("2025-10-05", "80", out_of=account, category="shopping")
    book("2025-11-06", "80", into=account, category="shopping", reverses=paid)
    assert figures(account) == [("shopping", -80, 80, 80, -160)]
    (row,) = spending_by_category(scope_for(account.user), **NOVEMBER)
    assert row["share"] is None


def test_nothing_else_counts(account: Account) -> None:
    book("2025-11-02", "5", out_of=account, category="health")
    book("2025-11-03", "2000", into=account, category="salary")
    book("2025-11-04", "60", out_of=account, into=AccountFactory(user=account.user), category="own")
    book("2025-11-05", "70", out_of=funded("EUR", user=account.user), category="euros")
    stranger = funded()
    book("2025-11-06", "90", out_of=stranger, category="strange")
    services.hold(from_account=account, amount=Decimal(3), metadata={"category": "held"})
    assert figures(account) == [("health", 5, None, 0, 5)]
    assert figures(account, currency="EUR") == [("euros", 70, None, 0, 70)]


def test_the_bank_spends_what_leaves_it(account: Account) -> None:
    other = funded()
    book("2025-11-02", "40", out_of=account, into=other, category="transfer")
    book("2025-11-03", "15", out_of=account, category="cash")
    book("2025-11-04", "25", out_of=other, category="cash")
    assert figures(bank()) == [("cash", 40, None, 0, 40)]


@pytest.mark.parametrize(("currency", "amount"), [("JPY", "1500"), ("KWD", "0.125")])
def test_amounts_keep_the_decimals_of_their_currency(currency: str, amount: str) -> None:
    account = funded(currency)
    book("2025-11-02", amount, out_of=account, category="cash")
    spent = Decimal(amount)
    assert figures(account, currency=currency) == [("cash", spent, None, 0, spent)]


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_days_begin_in_the_banks_time_zone(account: Account) -> None:
    book("2025-10-31T14:59", "1", out_of=account)  # the last minute of October there
    book("2025-10-31T15:00", "2", out_of=account)
    book("2025-11-20T14:59", "4", out_of=account)
    book("2025-11-20T15:00", "8", out_of=account)
    assert figures(account) == [(None, 6, None, 0, 6)]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(account) == []


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        ("2025-11-01", "2025-11-20", "2025-10-01", "2025-10-20"),
        ("2025-11-01", "2025-11-01", "2025-10-01", "2025-10-01"),
        ("2025-03-01", "2025-03-31", "2025-02-01", "2025-02-28"),
        ("2024-03-01", "2024-03-30", "2024-02-01", "2024-02-29"),
        ("2025-02-01", "2025-02-28", "2025-01-01", "2025-01-31"),
        ("2025-01-01", "2025-03-31", "2024-10-01", "2024-12-31"),
        ("2025-01-01", "2025-02-14", "2024-11-01", "2024-12-14"),
        ("2025-11-08", "2025-11-14", "2025-11-01", "2025-11-07"),
        ("2025-11-08", "2025-11-08", "2025-11-07", "2025-11-07"),
    ],
)
def test_the_days_before(since: str, until: str, first: str, last: str) -> None:
    before = days_before(date.fromisoformat(since), date.fromisoformat(until))
    assert before == (date.fromisoformat(first), date.fromisoformat(last))
