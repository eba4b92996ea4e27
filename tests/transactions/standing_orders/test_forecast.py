"""The balance that is expected after each payment to come, and what will lack money."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.standing_orders.orders import order_of
from transactions import services
from transactions.models import StandingOrder
from transactions.standing_orders.forecast import (
    ExpectedPayment,
    by_day,
    expected_payments,
    next_dates,
    totals_of,
)
from transactions.standing_orders.services import pause, skip

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 1)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory()


def expected(*accounts: Account, days: int = 30) -> list[ExpectedPayment]:
    orders = StandingOrder.objects.with_accounts().in_order()
    fresh = Account.objects.filter(pk__in=[account.pk for account in accounts])
    return expected_payments(orders, list(fresh), today=TODAY, days=days)


def left(*accounts: Account) -> list[tuple[Decimal, Decimal]]:
    return [(payment.leaves, payment.lacks) for payment in expected(*accounts)]


def test_each_payment_leaves_less_and_one_that_fails_takes_nothing(
    mine: Account, theirs: Account
) -> None:
    order_of(mine, theirs, amount=Decimal(60), every="week", first_on=TODAY, times=3)
    order_of(mine, theirs, amount=Decimal(40), every="once", first_on=TODAY + timedelta(days=8))
    found = left(mine)
    assert found == [(40, 0), (40, 20), (0, 0), (0, 60)]


def test_held_money_cannot_be_spent_and_the_overdraft_can(mine: Account, theirs: Account) -> None:
    services.hold(from_account=mine, amount=Decimal(30))
    order_of(mine, theirs, amount=Decimal(90), every="once", first_on=TODAY)
    assert left(mine) == [(100, 20)]
    poor = AccountFactory(overdraft_limit=Decimal(50))
    StandingOrder.objects.all().delete()
    order_of(poor, theirs, amount=Decimal(50), every="once", first_on=TODAY)
    assert left(poor) == [(-50, 0)]


def test_money_that_is_moved_to_an_own_account_is_there_afterwards(
    mine: Account, theirs: Account
) -> None:
    savings = AccountFactory(user=mine.user)
    day = TODAY + timedelta(days=1)
    order_of(mine, savings, amount=Decimal(70), every="once", first_on=TODAY)
    order_of(savings, theirs, amount=Decimal(70), every="once", first_on=day)
    assert left(mine, savings) == [(30, 0), (0, 0)]
    assert totals_of(expected(mine, savings)) == {"USD": 70}


def test_missed_days_come_first_and_stand_under_today(mine: Account, theirs: Account) -> None:
    missed = order_of(mine, theirs, every="week", first_on=TODAY - timedelta(days=14))
    days = by_day(expected(mine, days=7))
    assert [(day.day, len(day.payments)) for day in days] == [
        (TODAY, 3), (TODAY + timedelta(days=7), 1),
    ]  # fmt: skip
    skip(order=missed, day=missed.first_on)
    missed.refresh_from_db()
    assert next_dates(missed, 2) == [TODAY - timedelta(days=7), TODAY]


def test_only_active_orders_within_the_days_are_expected(mine: Account, theirs: Account) -> None:
    pause(order=order_of(mine, theirs, first_on=TODAY))
    order_of(mine, theirs, first_on=TODAY + timedelta(days=31))
    assert expected(mine) == []
    assert len(expected(mine, days=31)) == 1
