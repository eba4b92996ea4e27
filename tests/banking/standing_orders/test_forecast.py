"""The balance that is expected after each payment to come, and what will lack money."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account, freeze_account
from banking.standing_orders.forecast import (
    ExpectedPayment,
    by_day,
    expected_payments,
    next_dates,
    totals_of,
)
from banking.standing_orders.models import Occurrence, StandingOrder
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import pause, skip
from ledger.db.ids import uuid7
from tests.banking.standing_orders.orders import at, order_of
from tests.factories import AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db
TODAY = date(2027, 1, 1)
DAY = timedelta(days=1)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory()


def expected(*accounts: Account, days: int = 30, today: date = TODAY) -> list[ExpectedPayment]:
    orders = StandingOrder.objects.with_accounts().in_order()
    fresh = Account.objects.filter(pk__in=[account.pk for account in accounts])
    return expected_payments(orders, list(fresh), today=today, days=days)


def left(*accounts: Account) -> list[tuple[Decimal, Decimal]]:
    return [(payment.leaves, payment.lacks) for payment in expected(*accounts)]


def test_each_payment_leaves_less_and_one_that_fails_takes_nothing(
    mine: Account, theirs: Account
) -> None:
    order_of(mine, theirs, amount=Decimal(60), every="week", first_on=TODAY, times=3)
    order_of(mine, theirs, amount=Decimal(40), every="once", first_on=TODAY + timedelta(days=8))
    found = left(mine)
    assert found == [(40, 0), (40, 20), (0, 60), (0, 120)]


def test_what_is_missing_for_a_payment_counts_those_before_it(theirs: Account) -> None:
    mine = AccountFactory(balance="420.32")
    order_of(mine, theirs, amount=Decimal(450), every="once", first_on=TODAY)
    order_of(mine, theirs, amount=Decimal(900), every="once", first_on=TODAY + 2 * DAY)
    assert left(mine) == [
        (Decimal("420.32"), Decimal("29.68")), (Decimal("420.32"), Decimal("929.68")),
    ]  # fmt: skip
    assert [payment.and_before for payment in expected(mine)] == ["", " and 1 earlier payment"]
    services.deposit(to_account=mine, amount=Decimal(37))
    first, second = expected(mine)
    assert (first.fails, second.lacks, second.and_before) == (False, Decimal("892.68"), "")
    services.deposit(to_account=mine, amount=Decimal("892.68"))
    assert not any(payment.needs_help for payment in expected(mine))


@pytest.mark.parametrize("days", [20, 2, 1])
@pytest.mark.parametrize("seed", range(40))
def test_adding_the_last_figure_pays_all_that_lacks_money(seed: int, days: int) -> None:
    """Random orders, also between own accounts but not in a circle, with holds and overdrafts."""
    chance = Random(seed)  # noqa: S311
    accounts = some_accounts(chance)
    orders = some_orders(chance, accounts, days)
    before = expected_payments(orders, accounts, today=TODAY, days=30)
    assert all(payment.needs_help for payment in before if payment.fails)
    for account in accounts:
        missing = [
            payment.lacks for payment in before
            if payment.order.from_account_id == account.pk and payment.lacks
        ]  # fmt: skip
        assert missing == sorted(missing)
        account.balance += max(missing, default=0)
    after = expected_payments(orders, accounts, today=TODAY, days=30)
    assert not any(payment.fails for payment in after)


@pytest.mark.parametrize("seed", range(8))
def test_what_is_expected_is_what_the_job_pays(seed: int) -> None:
    """Orders at random between own accounts and to others, some days of which lack money."""
    mine = orders_at_random(Random(seed), [TODAY + number * DAY for number in range(3)])  # noqa: S311
    found = expected(*mine)
    for day in (TODAY + number * DAY for number in range(6)):
        on_the_day = {each.order.pk for each in expected(*mine, today=day) if is_paid(each, day)}
        before = paid_orders()
        pay_due(now=at(day))
        assert paid_orders() == {each.order.pk for each in found if is_paid(each, until=day)}
        assert paid_orders() - before == on_the_day
    for account in mine:
        booked = Account.objects.get(pk=account.pk).balance
        moved = (
            each.order.amount * (1 if each.order.to_account_id == account.pk else -1)
            for each in found
            if not each.fails
            and account.pk in (each.order.from_account_id, each.order.to_account_id)
        )
        assert booked == account.balance + sum(moved)


@pytest.mark.parametrize("seed", range(8))
def test_of_what_is_above_a_limit_too(seed: int) -> None:
    """Some seeds have none of it."""
    today = timezone.localdate()  # on which the payments are booked, and count
    days = [today - number * DAY for number in range(3)]
    mine = orders_at_random(Random(seed), days, daily_limit=Decimal(40))  # noqa: S311
    found = expected(*mine, today=today)
    pay_due(now=timezone.now())
    assert paid_orders() == {each.order.pk for each in found if is_paid(each, until=today)}


def orders_at_random(chance: Random, days: list[date], **limits: Decimal) -> list[Account]:
    """Sets up sixteen orders of one person's three accounts, which have little money."""
    first: Account = AccountFactory(balance="60", **limits)
    mine: list[Account] = [
        first,
        *(AccountFactory(user=first.user, balance="5", **limits) for _ in range(2)),
    ]
    other: Account = AccountFactory()
    everybody: list[Account] = [*mine, other]
    for _ in range(16):
        sender, recipient = chance.sample(everybody, 2)
        if sender is not other:
            amount = Decimal(chance.randint(1, 40 if limits else 60))
            order_of(sender, recipient, amount=amount, every="once", first_on=chance.choice(days))
    return mine


def is_paid(payment: ExpectedPayment, until: date) -> bool:
    return not payment.fails and payment.day <= until


def paid_orders() -> set[UUID]:
    return set(Occurrence.objects.filter(outcome="paid").values_list("order", flat=True))


def test_what_fails_is_expected_once_more_on_the_day_after(mine: Account, theirs: Account) -> None:
    savings = AccountFactory(user=mine.user, balance="50")
    order_of(mine, theirs, amount=Decimal(120), every="once", first_on=TODAY)
    order_of(savings, mine, amount=Decimal(50), every="once", first_on=TODAY + DAY)
    failed, _filled, late = expected(mine, savings)
    assert (failed.fails, failed.lacks) == (True, 20)
    assert (late.fails, late.day, late.due, late.leaves) == (False, TODAY + DAY, TODAY, 30)
    assert failed.order == late.order
    failed.order.refused_at = at(TODAY - DAY)
    failed.order.save()
    (given_up, _filled) = expected(mine, savings)
    assert given_up.fails


def test_limits_and_statuses_stop_a_payment_whatever_money_there_is(
    mine: Account, theirs: Account
) -> None:
    order_of(mine, theirs, amount=Decimal(40), every="once", first_on=TODAY)
    order_of(mine, theirs, amount=Decimal(30), every="once", first_on=TODAY)
    Account.objects.filter(pk=mine.pk).update(daily_limit=50)
    paid, stopped, late = expected(mine)
    assert (paid.needs_help, stopped.needs_help, late.needs_help) == (False, True, False)
    assert (stopped.fails, stopped.badge, late.day) == (True, "above the limit", TODAY + DAY)
    assert "50.00" in str(stopped.stop)
    Account.objects.filter(pk=mine.pk).update(daily_limit=None, transfer_limit=35)
    assert [payment.fails for payment in expected(mine)] == [False, True]
    freeze_account(account=mine, reason="Lost card")
    assert {(payment.fails, payment.badge) for payment in expected(mine)} == {(True, "frozen")}


@pytest.mark.parametrize("whose", ["payer", "recipient"])
def test_an_order_of_a_closed_account_ends_on_its_first_day(mine: Account, whose: str) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    order_of(mine, savings, every="week", first_on=TODAY - 7 * DAY)
    services.withdraw(from_account=mine, amount=mine.balance)
    close_account(account=mine if whose == "payer" else savings, reason="Left")
    (only,) = expected(mine, savings)
    assert (only.day, only.badge) == (TODAY, "closed")
    assert pay_due(now=at(TODAY)).refused == 1
    only.order.refresh_from_db()
    assert only.order.status == "ended"


def test_only_accounts_with_a_limit_that_pay_today_are_asked_what_they_sent(
    mine: Account, theirs: Account
) -> None:
    Account.objects.filter(pk=mine.pk).update(daily_limit=50)
    order = order_of(mine, theirs, every="once", first_on=TODAY + DAY)
    mine.refresh_from_db()
    with CaptureQueriesContext(connection) as found:
        expected_payments([order], [mine], today=TODAY, days=2)
    assert len(found) == 0
    with CaptureQueriesContext(connection) as found:
        expected_payments([order], [mine], today=TODAY + DAY, days=2)
    assert len(found) == 1


def test_what_a_limit_moves_to_the_day_after_is_money_of_that_day(
    mine: Account, theirs: Account
) -> None:
    for amount, day in ((50, TODAY), (20, TODAY), (35, TODAY + DAY)):
        order_of(mine, theirs, amount=Decimal(amount), every="once", first_on=day)
    Account.objects.filter(pk=mine.pk).update(daily_limit=60)
    assert [(each.fails, each.lacks) for each in expected(mine)] == [
        (False, 0), (True, 0), (False, 0), (True, 5),
    ]  # fmt: skip


def test_money_that_comes_late_on_the_day_goes_to_whom_it_is_enough_for(theirs: Account) -> None:
    mine = AccountFactory(balance="40")
    savings = AccountFactory(user=mine.user, balance="30")
    for amount in (80, 60):
        order_of(mine, theirs, amount=Decimal(amount), every="once", first_on=TODAY)
    order_of(savings, mine, amount=Decimal(10), every="once", first_on=TODAY)
    assert [each.lacks for each in expected(mine, savings)] == [0, 40, 90]
    services.deposit(to_account=mine, amount=Decimal(40))
    assert [each.fails for each in expected(mine, savings)] == [False, False, True]


def test_what_was_sent_today_counts_against_the_limit_of_today(
    mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    for day in (today, today + DAY):
        order_of(mine, theirs, amount=Decimal(30), every="once", first_on=day)
    Account.objects.filter(pk=mine.pk).update(daily_limit=60)
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(40))
    found = expected(mine, today=today)
    assert [(each.fails, each.day - today) for each in found] == [
        (True, 0 * DAY), (False, DAY), (False, DAY),
    ]  # fmt: skip


def test_a_later_missed_day_of_an_order_waits_for_the_earlier(theirs: Account) -> None:
    bills = AccountFactory(balance="0")
    mine = AccountFactory(user=bills.user, balance="100")
    order_of(bills, theirs, every="week", first_on=TODAY - 12 * DAY, times=2)
    between = order_of(bills, theirs, every="once", first_on=TODAY - 10 * DAY)
    order_of(mine, bills, amount=Decimal(20), every="once", first_on=TODAY)
    assert {each.order.pk for each in expected(bills, mine) if not each.fails} >= {between.pk}


def some_accounts(chance: Random) -> list[Account]:
    return [
        Account(
            id=uuid7(), currency="USD", balance=Decimal(chance.randint(20, 99)),
            held=Decimal(chance.choice([0, 10])), overdraft_limit=Decimal(chance.choice([0, 30])),
        )
        for _ in range(3)
    ]  # fmt: skip


def some_orders(chance: Random, mine: list[Account], days: int) -> list[StandingOrder]:
    other = Account(id=uuid7(), currency="USD")
    sides = [sorted(chance.sample(range(5), 2)) for _ in range(12)]  # an account pays later ones
    everybody = [*mine, other, other]
    return [
        StandingOrder(
            id=uuid7(), from_account=sender, to_account=recipient, every="once", times=1,
            amount=Decimal(chance.randint(1, 80)), first_on=TODAY + chance.randrange(days) * DAY,
        )
        for sender, recipient in ((everybody[first], everybody[second]) for first, second in sides)
        if sender is not other
    ]  # fmt: skip


def test_a_payment_that_only_an_earlier_failure_pays_is_told_of(
    mine: Account, theirs: Account
) -> None:
    order_of(mine, theirs, amount=Decimal(120), every="once", first_on=TODAY)
    order_of(mine, theirs, amount=Decimal(50), every="once", first_on=TODAY + DAY)
    first, second = expected(mine)
    assert (first.fails, second.fails) == (True, False)
    assert (second.leaves, second.lacks, second.needs_help) == (50, 70, True)


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


def test_money_of_the_same_day_counts_for_what_lacks_more(mine: Account, theirs: Account) -> None:
    savings = AccountFactory(user=mine.user, balance="50")
    order_of(mine, theirs, amount=Decimal(180), every="once", first_on=TODAY)
    order_of(savings, mine, amount=Decimal(50), every="once", first_on=TODAY)
    order_of(mine, theirs, amount=Decimal(10), every="once", first_on=TODAY)
    assert left(mine, savings) == [(0, 0), (140, 0), (140, 40)]
    services.deposit(to_account=mine, amount=Decimal(40))
    assert [payment.fails for payment in expected(mine, savings)] == [False] * 3


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
