"""Orders are set up once, changed, skipped, paused, resumed and ended; and what is refused."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import close_account
from banking.standing_orders import services
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import OrderChanged, OrderDraft
from ledger.db.ids import uuid7
from tests.banking.standing_orders.orders import at, order_of, settled
from tests.factories import AccountFactory
from transactions.exceptions import InvalidDetails, LedgerError, LimitExceeded
from transactions.models import Transaction
from transactions.services import transfer

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory()


def stored(order: StandingOrder) -> StandingOrder:
    return StandingOrder.objects.get(pk=order.pk)


def test_an_order_sent_twice_is_set_up_once(mine: Account, theirs: Account) -> None:
    once = uuid7()
    first = order_of(mine, theirs, id=once)
    assert order_of(mine, theirs, id=once) == first
    row = StandingOrder.objects.get()
    assert (row.next_on, row.position, row.status) == (date(2027, 1, 31), 0, "active")


def test_one_payment_on_a_day_is_an_order_of_one_time(mine: Account, theirs: Account) -> None:
    row = stored(order_of(mine, theirs, every="once"))
    assert (row.times, row.last_on) == (1, None)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"every": "once"}, "per payment. So the payment would be refused"),
        ({"times": 1}, "per payment. So the payment would be refused"),
        ({"every": "once", "amount": Decimal(350)}, "per day. So the payment would be refused"),
        ({"times": 2}, "per payment. So each payment would be refused"),
    ],
)
def test_a_refusal_by_a_limit_speaks_of_as_many_payments_as_there_are(
    mine: Account, theirs: Account, changed: dict[str, Any], sentence: str
) -> None:
    mine.transfer_limit, mine.daily_limit = Decimal(400), Decimal(300)
    with pytest.raises(LedgerError, match=sentence):
        order_of(mine, theirs, **({"amount": Decimal(500)} | changed))


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"amount": Decimal(0)}, "above zero"),
    ({"amount": Decimal("1.001")}, "decimal"),
    ({"amount": Decimal(500)}, "account: 400.00"),
    ({"amount": Decimal(350)}, "account: 300.00"),
    ({"last_on": date(2027, 1, 30)}, "before the first"),
    ({"last_on": date(2028, 1, 30), "times": 3}, "not both"),
    ({"every": "once", "times": 5}, "pays once"),
    ({"every": "once", "last_on": date(2028, 1, 30)}, "pays once"),
]


@pytest.mark.parametrize(("changed", "sentence"), REFUSED)
def test_what_would_be_refused_on_each_day_is_refused_at_once(
    mine: Account, theirs: Account, changed: dict[str, Any], sentence: str
) -> None:
    mine.transfer_limit, mine.daily_limit = Decimal(400), Decimal(300)
    with pytest.raises(LedgerError, match=sentence):
        order_of(mine, theirs, **changed)
    assert not StandingOrder.objects.exists()


def test_it_pays_from_an_account_of_its_owner_in_one_currency_to_another_open_account(
    mine: Account, theirs: Account
) -> None:
    foreign = AccountFactory(currency="EUR")
    closed = close_account(account=AccountFactory(), reason="Left")
    left = close_account(account=AccountFactory(user=mine.user), reason="Left")
    refused: list[dict[str, Any]] = [
        {"to_account": foreign}, {"to_account": closed}, {"to_account": mine},
        {"from_account": left},
        {"from_account": theirs, "to_account": mine, "owner": mine.user},
    ]  # fmt: skip
    for changed in refused:
        with pytest.raises(LedgerError):
            order_of(mine, theirs, **changed)


@pytest.mark.parametrize("side", ["from", "to"])
def test_an_own_account_that_closed_since_it_was_read_gets_no_order(
    side: str, mine: Account, theirs: Account
) -> None:
    other = AccountFactory(user=mine.user, currency=mine.currency, balance=1)
    read_before = Account.objects.get(pk=mine.pk)
    transfer(from_account=mine, to_account=theirs, amount=mine.balance)
    close_account(account=mine)
    with pytest.raises(LedgerError):
        order_of(*((read_before, theirs) if side == "from" else (other, read_before)))
    assert not StandingOrder.objects.exists()


def test_money_that_is_missing_today_is_no_reason(mine: Account, theirs: Account) -> None:
    assert order_of(mine, theirs, amount=Decimal(101)).is_active


def test_nobody_has_more_orders_than_the_limit(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "MAX_ORDERS", 2)
    ended = order_of(mine, theirs)
    services.end(order=ended)
    order_of(mine, theirs)
    order_of(mine, theirs)
    with pytest.raises(LedgerError, match="End one first"):
        order_of(mine, theirs)


def test_a_skipped_day_counts_and_is_skipped_once(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, times=2)
    services.skip(order=order, day=date(2027, 1, 31))
    with pytest.raises(OrderChanged):
        services.skip(order=order, day=date(2027, 1, 31))
    row = stored(order)
    assert (row.next_on, row.left) == (date(2027, 2, 28), 1)
    services.skip(order=order, day=date(2027, 2, 28))
    assert stored(order).is_ended
    assert settled(order) == [("01-31", "skipped"), ("02-28", "skipped")]


def test_the_days_of_a_pause_are_skipped(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    services.pause(order=order)
    assert stored(order).is_paused
    services.resume(order=order, today=date(2027, 3, 31))
    row = stored(order)
    assert (row.next_on, row.status) == (date(2027, 3, 31), "active")
    assert settled(order) == [("01-31", "skipped"), ("02-28", "skipped")]


def test_a_pause_past_the_last_day_ends_the_order(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, last_on=date(2027, 3, 1))
    services.pause(order=order)
    services.resume(order=order, today=date(2027, 6, 1))
    assert stored(order).is_ended
    assert len(settled(order)) == 2


def test_an_ended_order_stays_ended(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    services.end(order=order)
    services.end(order=order)
    changes: tuple[Callable[[], object], ...] = (
        lambda: services.change_amount(order=order, amount=Decimal(1)),
        lambda: services.pause(order=order),
        lambda: services.resume(order=order),
        lambda: services.skip(order=order, day=date(2027, 1, 31)),
    )
    for change in changes:
        with pytest.raises(OrderChanged, match="ended"):
            change()
    row = stored(order)
    assert (row.status, row.amount, row.position) == ("ended", 10, 0)


def test_the_amount_is_changed_from_the_next_day_on(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    services.change_amount(order=order, amount=Decimal("12.5"))
    assert stored(order).amount == Decimal("12.5")
    with pytest.raises(LedgerError, match="above zero"):
        services.change_amount(order=order, amount=Decimal(-1))


def test_a_missed_day_keeps_its_amount(mine: Account, theirs: Account) -> None:
    """As when the worker was down: who changes the amount then, means the days to come."""
    order = order_of(mine, theirs)
    change = partial(services.change_amount, order=order, amount=Decimal(7))
    with pytest.raises(OrderChanged):
        change(today=date(2027, 2, 1))
    assert stored(order).amount == 10
    pay_due(now=at(date(2027, 2, 1)))
    change(today=date(2027, 2, 1))
    pay_due(now=at(date(2027, 2, 28)))
    amounts = Transaction.objects.filter(type="transfer").order_by("created_at")
    assert list(amounts.values_list("amount", flat=True)) == [10, 7]


def test_the_amount_of_today_is_changed_as_long_as_it_is_not_paid(
    mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    services.change_amount(order=order, amount=Decimal(7), today=date(2027, 1, 31))
    assert stored(order).amount == 7


def test_a_paused_order_has_no_missed_days(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    services.pause(order=order)
    services.change_amount(order=order, amount=Decimal(7), today=date(2027, 2, 1))
    assert stored(order).amount == 7


def test_the_owner_reads_no_longer_reason_than_fits(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    with pytest.raises(InvalidDetails):
        services.end(order=order, why="x" * 301)
    assert services.end(order=order, why="x" * 300)
    assert not services.end(order=order, why="again")
    assert stored(order).ended_why == "x" * 300


@pytest.mark.parametrize("changed", [{"position": 2}, {"position": 1, "last_on": date(2027, 2, 1)}])
def test_the_database_refuses_an_active_order_past_its_end(
    mine: Account, theirs: Account, changed: dict[str, Any]
) -> None:
    order = order_of(mine, theirs, **({} if "last_on" in changed else {"times": 2}))
    with pytest.raises(IntegrityError, match="standing_order_is_due"):
        StandingOrder.objects.filter(pk=order.pk).update(**changed)


@pytest.mark.parametrize(("times", "last_on"), [(2, None), (1, date(2027, 1, 31)), (0, None)])
def test_what_is_paid_once_has_no_other_end(times: int, last_on: date | None) -> None:
    sides: dict[str, Any] = {
        "from_account": Account(), "to_account": Account(), "owner": User(),
    }  # fmt: skip
    draft = OrderDraft(
        id=uuid7(), amount=Decimal(1), every="once", first_on=date(2027, 1, 31),
        times=times, last_on=last_on, **sides,
    )  # fmt: skip
    with pytest.raises(InvalidDetails):
        services.check(draft)


def test_an_order_may_end_on_its_first_day_and_pay_as_much_as_the_limits() -> None:
    owner = User()
    mine = Account(user=owner, currency="USD", transfer_limit=Decimal(5), daily_limit=Decimal(5))
    day = date(2027, 1, 31)
    facts: dict[str, Any] = {
        "id": uuid7(), "owner": owner, "from_account": mine, "to_account": Account(currency="USD"),
        "amount": Decimal(5), "every": "month", "first_on": day, "last_on": day,
        "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    row = services.check(OrderDraft(**facts))
    assert {name: getattr(row, name) for name in facts} == facts
    assert (row.times, services.check(OrderDraft(**facts | {"last_on": None})).times) == (None,) * 2
    once = OrderDraft(**facts | {"every": "once", "last_on": None, "times": 1})
    assert services.check(once).times == 1
    for limit in ("transfer_limit", "daily_limit"):
        limits = {"transfer_limit": None, "daily_limit": None, limit: Decimal("4.99")}
        less = Account(user=owner, currency="USD", **limits)
        with pytest.raises(LimitExceeded):
            services.check(OrderDraft(**facts | {"from_account": less}))


def test_a_first_day_is_today_or_within_two_years() -> None:
    today = date(2027, 1, 31)
    for days, is_refused in ((-1, True), (0, False), (731, False), (732, True)):
        refusal = services.first_day_refusal(today + timedelta(days=days), today)
        assert bool(refusal) is is_refused, days


@pytest.mark.parametrize(("ahead", "is_refused"), [(-1, True), (0, False)])
def test_without_a_day_the_amount_is_changed_from_today_on(
    mine: Account, theirs: Account, ahead: int, is_refused: bool
) -> None:
    first = timezone.localdate() + timedelta(days=ahead)
    order = order_of(mine, theirs, first_on=first)
    if is_refused:
        with pytest.raises(OrderChanged):
            services.change_amount(order=order, amount=Decimal(7))
    else:
        services.change_amount(order=order, amount=Decimal(7))
    assert stored(order).amount == (10 if is_refused else 7)


def test_without_a_day_an_order_is_resumed_from_today_on(mine: Account, theirs: Account) -> None:
    today = timezone.localdate()
    order = order_of(mine, theirs, every="week", first_on=today - timedelta(weeks=1))
    services.pause(order=order)
    row = services.resume(order=order)
    assert (row.next_on, row.status, row.position) == (today, "active", 1)
    assert services.resume(order=order).position == 1


def test_a_refusal_is_noted_with_its_first_time_until_something_changes(
    mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    first, later = (at(date(2027, 1, 31), hour) for hour in (3, 4))
    assert services.record_refusal(order=order, why="No money.", at=first) is True
    assert services.record_refusal(order=order, why="Frozen.", at=later) is True
    row = stored(order)
    assert (row.refused_at, row.refused_why) == (first, "Frozen.")
    services.change_amount(order=order, amount=Decimal(11), today=date(2027, 1, 31))
    row = stored(order)
    assert (row.refused_at, row.refused_why) == (None, "")
    assert services.record_refusal(order=order, why="No money.", at=later) is False
    assert services.give_up(order=order, why="No money.") is False
    services.pause(order=row)
    assert services.record_refusal(order=row, why="No money.", at=later) is False
    assert services.give_up(order=row, why="No money.") is False
    assert (stored(order).refused_at, settled(order)) == (None, [])


@pytest.mark.parametrize("ends", [False, True])
def test_a_day_that_is_given_up_is_refused_for_good(
    mine: Account, theirs: Account, ends: bool
) -> None:
    order = order_of(mine, theirs)
    services.record_refusal(order=order, why="No money.", at=at(date(2027, 1, 31)))
    assert services.give_up(order=order, why="Still no money.", ends=ends) is True
    row = stored(order)
    assert (row.position, row.refused_at, row.refused_why) == (1, None, "")
    assert (row.status, row.ended_why) == (
        ("ended", "Still no money.") if ends else ("active", "")
    )  # fmt: skip
    day = order.occurrences.get()
    assert (day.due_on, day.outcome, day.reason) == (
        date(2027, 1, 31), "refused", "Still no money.",
    )  # fmt: skip
    assert services.give_up(order=order, why="Again.") is False


@pytest.mark.parametrize("times", [1, 2])
def test_a_day_is_settled_with_its_payment_once(mine: Account, theirs: Account, times: int) -> None:
    order = order_of(mine, theirs, times=times)
    services.record_refusal(order=order, why="No money.", at=at(date(2027, 1, 31)))
    paid = transfer(from_account=mine, to_account=theirs, amount=Decimal(10))
    services.settle_paid(order, paid)
    row = stored(order)
    assert (row.position, row.refused_at, row.refused_why) == (1, None, "")
    assert (row.status, row.ended_why) == (
        ("ended", "The payment was made.") if times == 1 else ("active", "")
    )  # fmt: skip
    day = row.occurrences.get()
    assert (day.due_on, day.outcome, day.transaction, day.reason) == (
        date(2027, 1, 31), "paid", paid, "",
    )  # fmt: skip
    with pytest.raises(OrderChanged):
        services.settle_paid(order, paid)
    if times == 2:
        services.change_amount(order=row, amount=Decimal(11), today=date(2027, 1, 31))
        with pytest.raises(OrderChanged):
            services.settle_paid(row, paid)
        last = stored(order)
        services.settle_paid(last, paid)
        assert stored(order).ended_why == "The last payment was made."
