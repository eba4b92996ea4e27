"""Money in and out by month, against figures worked out by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services
from transactions.posting.drafts import Draft
from transactions.reports import money_by_month
from transactions.scope import scope_for

pytestmark = pytest.mark.django_db
YEAR = {"currency": "USD", "since": date(2025, 1, 1), "until": date(2025, 12, 31)}


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    return account


def book(account: Account, day: str, amount: str) -> None:
    """A deposit, or with a minus a withdrawal, at noon of that day."""
    side = "from_account" if amount.startswith("-") else "to_account"
    moment = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=UTC)
    draft: Any = {side: account, "amount": abs(Decimal(amount)), "created_at": moment}
    services.post_batch([Draft(**draft)])


def figures(account: Account, **changes: Any) -> list[tuple[Any, ...]]:
    rows = money_by_month(scope_for(account.user), **{**YEAR, **changes})
    names = ("month", "money_in", "money_out", "net", "change", "average")
    return [tuple(row[name] for name in names) for row in rows]


def test_in_out_net_change_and_average_of_each_month(account: Account) -> None:
    for day, amount in [
        ("2025-01-10", "1000"), ("2025-01-20", "-400"),
        ("2025-02-10", "300"), ("2025-02-11", "-450.50"),
        ("2025-03-01", "90.50"),
        ("2025-04-30", "-540"),
    ]:  # fmt: skip
        book(account, day, amount)
    assert figures(account) == [
        (date(2025, 1, 1), 1000, 400, 600, None, None),
        (date(2025, 2, 1), 300, Decimal("450.50"), Decimal("-150.50"), Decimal("-750.50"), None),
        (date(2025, 3, 1), Decimal("90.50"), 0, Decimal("90.50"), 241, 180),
        (date(2025, 4, 1), 0, 540, -540, Decimal("-630.50"), -200),
    ]


def test_a_month_without_a_row_counts_as_one_of_nothing(account: Account) -> None:
    for day, amount in [("2025-01-10", "90"), ("2025-02-10", "30"), ("2025-05-10", "60")]:
        book(account, day, amount)
    assert figures(account)[-1] == (date(2025, 5, 1), 60, 0, 60, 60, 20)


def test_the_first_day_and_the_last_are_within_and_no_others(account: Account) -> None:
    for day, amount in [
        ("2025-01-31", "1"),
        ("2025-02-01", "2"),
        ("2025-02-28", "4"),
        ("2025-03-01", "8"),
    ]:
        book(account, day, amount)
    rows = figures(account, since=date(2025, 2, 1), until=date(2025, 2, 28))
    assert [row[:2] for row in rows] == [(date(2025, 2, 1), 6)]


@override_settings(TIME_ZONE="Asia/Tokyo")
def test_months_are_those_of_the_banks_time_zone(account: Account) -> None:
    draft: Any = {"to_account": account, "amount": Decimal(5)}
    moment = datetime(2025, 1, 31, 15, 30, tzinfo=UTC)  # half past midnight of 1 February there
    services.post_batch([Draft(**draft, created_at=moment)])
    assert [row[0] for row in figures(account)] == [date(2025, 2, 1)]


def test_other_currencies_strangers_holds_and_own_transfers_do_not_count(account: Account) -> None:
    book(account, "2025-01-10", "100")
    book(AccountFactory(user=account.user, currency="EUR"), "2025-01-11", "7")
    book(AccountFactory(), "2025-01-12", "55")
    savings = AccountFactory(user=account.user)
    moment = datetime(2025, 1, 13, tzinfo=UTC)
    draft: Any = {"from_account": account, "to_account": savings, "amount": Decimal(60)}
    services.post_batch([Draft(**draft, created_at=moment)])
    services.hold(from_account=account, amount=Decimal(3))
    assert figures(account) == [(date(2025, 1, 1), 100, 0, 100, None, None)]


def test_nothing_gives_no_rows(account: Account) -> None:
    assert figures(account) == []
