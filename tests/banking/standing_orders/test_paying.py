"""What is due is paid once, in order; what is refused is tried again, then given up."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.db import OperationalError, connection

from accounts.models import Account, User
from accounts.services import (
    close_account,
    deactivate_user,
    freeze_account,
    reactivate_user,
    unfreeze_account,
)
from banking.standing_orders import paying
from banking.standing_orders import services as orders
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import PaidOrders, pay_due
from tests.banking.standing_orders.orders import at, order_of, settled
from tests.factories import AccountFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import RecipientFull
from transactions.models import Transaction
from transactions.privacy.leaving import leave
from transactions.safeguards.recipients import CANNOT_RECEIVE

pytestmark = pytest.mark.django_db
FIRST, SECOND = date(2027, 1, 31), date(2027, 2, 28)
DAY = timedelta(days=1)
MOST_STATEMENTS = 5  # that name an account of which one order lacks money


def paid() -> list[Decimal]:
    rows = Transaction.objects.filter(type="transfer").order_by("created_at")
    return list(rows.values_list("amount", flat=True))


def test_nothing_is_paid_before_its_day_and_once_on_it(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, description="Rent", reference="R-1")
    assert pay_due(now=at(FIRST - DAY)) == PaidOrders()
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)
    assert pay_due(now=at(FIRST)) == PaidOrders()
    row = Transaction.objects.get(type="transfer")
    assert (row.amount, row.description, row.reference) == (10, "Rent", "R-1")
    assert row.created_by == mine.user
    day = order.occurrences.get()
    assert (day.due_on, day.outcome, day.transaction) == (FIRST, "paid", row)


def test_missed_days_are_paid_in_their_order(mine: Account, theirs: Account) -> None:
    monthly = order_of(mine, theirs, description="monthly")
    weekly = order_of(
        mine, theirs, every="week", first_on=date(2027, 2, 1), times=3, description="weekly"
    )
    assert pay_due(now=at(date(2027, 3, 1))).paid == 5
    texts = Transaction.objects.filter(type="transfer").order_by("created_at")
    assert list(texts.values_list("description", flat=True)) == [
        "monthly", "weekly", "weekly", "weekly", "monthly",
    ]  # fmt: skip
    weekly.refresh_from_db()
    assert (weekly.status, weekly.ended_why) == ("ended", "The last payment was made.")
    assert settled(monthly) == [("01-31", "paid"), ("02-28", "paid")]
    assert audit().clean


def test_a_refused_payment_is_tried_until_its_day_is_over(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, amount=Decimal(150))
    assert pay_due(now=at(FIRST)) == PaidOrders(waiting=1)
    order.refresh_from_db()
    assert order.next_on == FIRST
    assert "100.00" in order.refused_why
    services.deposit(to_account=mine, amount=Decimal(60))
    assert pay_due(now=at(FIRST, 9)) == PaidOrders(paid=1)
    order.refresh_from_db()
    assert (order.refused_at, order.refused_why) == (None, "")


def test_it_is_given_up_the_day_after_and_the_order_goes_on(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, amount=Decimal(150))
    pay_due(now=at(FIRST))
    assert pay_due(now=at(FIRST, 23)) == PaidOrders(waiting=1)
    assert pay_due(now=at(FIRST + DAY)) == PaidOrders(refused=1)
    services.deposit(to_account=mine, amount=Decimal(60))
    assert pay_due(now=at(FIRST + DAY, 9)) == PaidOrders()
    assert pay_due(now=at(SECOND)) == PaidOrders(paid=1)
    assert settled(order) == [("01-31", "refused"), ("02-28", "paid")]
    assert "100.00" in order.occurrences.get(due_on=FIRST).reason


def test_what_waits_does_not_hold_up_other_orders(mine: Account, theirs: Account) -> None:
    waits = order_of(mine, theirs, amount=Decimal(150), first_on=date(2027, 1, 3))
    order_of(mine, theirs)
    assert pay_due(now=at(SECOND)) == PaidOrders(paid=2, waiting=1)
    waits.refresh_from_db()
    assert (waits.next_on, settled(waits)) == (date(2027, 1, 3), [])  # its later days wait


def test_money_that_another_order_brings_on_the_day_pays_an_older_one(
    mine: Account, theirs: Account
) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    last = AccountFactory(user=mine.user, balance="0")
    orders = [
        order_of(last, theirs, amount=Decimal(30)),
        order_of(bills, last, amount=Decimal(30)),
        order_of(mine, bills, amount=Decimal(30)),
        order_of(bills, theirs, amount=Decimal(80)),
    ]
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=3, waiting=1)
    assert [settled(order) for order in orders] == [[("01-31", "paid")]] * 3 + [[]]
    orders[0].refresh_from_db()
    assert orders[0].refused_at is None
    assert pay_due(now=at(FIRST + DAY)) == PaidOrders(refused=1)
    assert audit().clean


def test_of_what_lacked_money_the_oldest_has_it_first(mine: Account, theirs: Account) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    first, second = (order_of(bills, theirs, amount=Decimal(amount)) for amount in (30, 25))
    order_of(mine, bills, amount=Decimal(40))
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=2, waiting=1)
    assert (settled(first), settled(second)) == ([("01-31", "paid")], [])


def test_missed_days_are_made_up_for_by_money_of_a_later_day(
    mine: Account, theirs: Account
) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    weekly = order_of(bills, theirs, every="week", first_on=date(2027, 1, 3))
    order_of(mine, bills, amount=Decimal(25), every="once", first_on=date(2027, 1, 15))
    later = order_of(bills, theirs, amount=Decimal(5), every="once", first_on=date(2027, 1, 20))
    assert pay_due(now=at(date(2027, 1, 20))) == PaidOrders(paid=4, waiting=1)
    assert settled(weekly) == [("01-03", "paid"), ("01-10", "paid")]
    assert settled(later) == [("01-20", "paid")]
    days = weekly.occurrences.order_by("transaction__created_at").values_list("due_on", flat=True)
    assert list(days) == [date(2027, 1, 3), date(2027, 1, 10)]


def test_missed_days_of_all_orders_are_made_up_for_in_one_order(
    mine: Account, theirs: Account
) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    weekly = order_of(bills, theirs, every="week", first_on=date(2027, 1, 3), times=2)
    once = order_of(bills, theirs, every="once", first_on=date(2027, 1, 5))
    order_of(mine, bills, amount=Decimal(20), every="once", first_on=date(2027, 1, 15))
    assert pay_due(now=at(date(2027, 1, 20))) == PaidOrders(paid=3, waiting=1)
    assert (settled(weekly), settled(once)) == ([("01-03", "paid")], [("01-05", "paid")])


def test_missed_days_and_the_day_itself_are_paid_by_money_of_the_day(
    mine: Account, theirs: Account
) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    weekly = order_of(bills, theirs, every="week", first_on=date(2027, 1, 3), times=2)
    order_of(mine, bills, amount=Decimal(20), every="once", first_on=date(2027, 1, 10))
    assert pay_due(now=at(date(2027, 1, 10))) == PaidOrders(paid=3)
    assert settled(weekly) == [("01-03", "paid"), ("01-10", "paid")]


@pytest.mark.parametrize("days", [0, 1])
def test_the_last_try_waits_for_the_money_of_its_day(
    mine: Account, theirs: Account, days: int
) -> None:
    bills = AccountFactory(user=mine.user, balance="0")
    rent = order_of(bills, theirs, amount=Decimal(500))
    order_of(mine, bills, amount=Decimal(500), first_on=FIRST + days * DAY)
    assert pay_due(now=at(FIRST)).paid == 0
    services.deposit(to_account=mine, amount=Decimal(500))
    assert pay_due(now=at(FIRST + DAY)) == PaidOrders(paid=2)
    assert settled(rent) == [("01-31", "paid")]


def ring_of(owner: User, size: int) -> list[StandingOrder]:
    """Orders by which ten go once around, one order after each pass of second tries."""
    ring = [AccountFactory(user=owner, balance="0") for _ in range(size)]
    services.deposit(to_account=ring[0], amount=Decimal(10))
    return [order_of(ring[place], ring[(place + 1) % size]) for place in reversed(range(size))]


@pytest.mark.parametrize("size", [3, 8])
def test_each_pass_of_second_tries_looks_at_accounts_that_the_one_before_paid_into(
    mine: Account, theirs: Account, size: int
) -> None:
    """However many passes one person causes, the orders of others that lack money cost the same."""
    lacks = order_of(mine, theirs, amount=Decimal(500))
    ring_of(theirs.user, size)
    statements = list[str]()

    def note(execute: Callable[..., Any], sql: str, parameters: Any, *rest: Any) -> Any:
        if str(mine.pk) in str(parameters) and "SELECT" in sql:
            statements.append(sql)
        return execute(sql, parameters, *rest)

    with connection.execute_wrapper(note):
        assert pay_due(now=at(FIRST)) == PaidOrders(paid=size, waiting=1)
    lacks.refresh_from_db()
    assert lacks.refused_at is not None
    assert len(statements) <= MOST_STATEMENTS


def test_a_second_try_is_made_only_of_what_the_account_has_the_money_for(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (AccountFactory(user=mine.user, balance="0") for _ in range(2))
    services.deposit(to_account=here, amount=Decimal(10))
    for source, target in ((there, here), (here, there)):
        for _ in range(4):
            order_of(source, target)
            order_of(source, theirs, amount=Decimal(500))
    tries, pay = list[StandingOrder](), paying._pay

    def noted(order: StandingOrder, *rest: Any) -> None:
        tries.append(order)
        pay(order, *rest)

    monkeypatch.setattr(paying, "_pay", noted)
    done = pay_due(now=at(FIRST))
    assert done == PaidOrders(paid=8, waiting=8)
    assert len(tries) <= 16 + done.paid
    assert audit().clean


def test_money_that_another_worker_brought_meanwhile_is_found(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = order_of(mine, theirs, amount=Decimal(150))
    book = services.book

    def lacking(draft: services.Draft, **options: Any) -> Any:
        monkeypatch.setattr(services, "book", book)
        try:
            return book(draft, **options)
        finally:
            services.deposit(to_account=mine, amount=Decimal(60))

    monkeypatch.setattr(services, "book", lacking)
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)
    assert settled(waits) == [("01-31", "paid")]


def test_a_frozen_account_pays_once_it_is_unfrozen(mine: Account, theirs: Account) -> None:
    order_of(mine, theirs)
    freeze_account(account=mine, reason="Lost card")
    assert pay_due(now=at(FIRST)) == PaidOrders(waiting=1)
    unfreeze_account(account=mine, reason="Found")
    assert pay_due(now=at(FIRST, 9)) == PaidOrders(paid=1)


@pytest.mark.parametrize("whose", ["mine", "theirs"])
def test_a_closed_account_ends_the_order(mine: Account, theirs: Account, whose: str) -> None:
    order = order_of(mine, theirs)
    if whose == "mine":
        services.withdraw(from_account=mine, amount=Decimal(100))
    close_account(account=mine if whose == "mine" else theirs, reason="Left")
    assert pay_due(now=at(SECOND)) == PaidOrders(refused=1)
    order.refresh_from_db()
    assert order.is_ended
    assert "closed" in order.ended_why
    assert settled(order) == [("01-31", "refused")]


def test_a_closed_sign_in_skips_its_days_and_pays_after_it_is_restored(
    mine: Account, theirs: Account
) -> None:
    order, of_another = order_of(mine, theirs), order_of(theirs, mine, amount=Decimal(1))
    deactivate_user(user=mine.user)
    services.deposit(to_account=theirs, amount=Decimal(1))
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)
    assert settled(order) == [("01-31", "skipped")]
    assert order.occurrences.get().reason
    assert settled(of_another) == [("01-31", "paid")]
    reactivate_user(user=mine.user)
    of_another.refresh_from_db()
    orders.end(order=of_another)
    assert pay_due(now=at(SECOND)) == PaidOrders(paid=1)
    assert settled(order) == [("01-31", "skipped"), ("02-28", "paid")]


def test_the_order_of_a_person_who_left_ends(mine: Account, theirs: Account) -> None:
    order = order_of(theirs, mine)
    leave(person=theirs.user)
    assert pay_due(now=at(FIRST)) == PaidOrders(refused=1)
    order.refresh_from_db()
    assert (order.is_ended, settled(order)) == (True, [("01-31", "refused")])


def test_a_paused_or_ended_order_pays_nothing(mine: Account, theirs: Account) -> None:
    orders.pause(order=order_of(mine, theirs))
    orders.end(order=order_of(mine, theirs))
    assert pay_due(now=at(SECOND)) == PaidOrders()


def test_an_order_that_fails_unforeseen_keeps_no_other_waiting(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = order_of(mine, theirs, amount=Decimal(7), first_on=date(2027, 1, 3))
    order_of(mine, theirs)

    def book(draft: services.Draft, **options: Any) -> Any:
        if draft.amount == 7:
            raise ZeroDivisionError
        return real(draft, **options)

    real = services.book
    monkeypatch.setattr(services, "book", book)
    with pytest.raises(ZeroDivisionError):
        pay_due(now=at(SECOND))
    assert paid() == [10, 10]
    monkeypatch.undo()
    assert pay_due(now=at(SECOND)) == PaidOrders(paid=2)
    assert settled(broken) == [("01-03", "paid"), ("02-03", "paid")]


def test_while_the_database_is_away_no_other_order_is_tried(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def book(draft: services.Draft, **_options: Any) -> Any:
        tried.append(draft)
        raise OperationalError from psycopg.errors.AdminShutdown()

    for _each in range(2):
        order_of(mine, theirs)
    monkeypatch.setattr(services, "book", book)
    with pytest.raises(OperationalError):
        pay_due(now=at(FIRST))
    assert len(tried) == 1


CHANGES: dict[str, Callable[[StandingOrder], object]] = {
    "paused": lambda order: orders.pause(order=order),
    "ended": lambda order: orders.end(order=order),
    "skipped": lambda order: orders.skip(order=order, day=FIRST),
    "another amount": lambda order: orders.change_amount(order=order, amount=Decimal(11)),
    "paid": lambda _order: pay_due(now=at(FIRST)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_its_owner_or_another_worker_did_meanwhile_comes_first(
    mine: Account, theirs: Account, change: str
) -> None:
    order = order_of(mine, theirs)
    book = services.book
    before = 0

    def late(*arguments: object, **named: object) -> Transaction:
        nonlocal before
        with patch.object(services, "book", book):
            CHANGES[change](order)
        before = len(paid())
        return book(*arguments, **named)  # type: ignore[arg-type]

    with patch.object(services, "book", late):
        assert pay_due(now=at(FIRST)) == PaidOrders()
    assert len(paid()) == before
    assert Account.objects.get(pk=mine.pk).balance == 100 - sum(paid())


def test_a_refusal_of_the_recipients_account_tells_nothing_of_it(
    mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    close_account(account=theirs, reason="Moved to another bank")
    pay_due(now=at(FIRST))
    assert order.occurrences.get().reason == paying.THEIRS_CLOSED
    assert "another bank" not in StandingOrder.objects.get().ended_why


def test_an_error_in_the_same_commit_leaves_neither_payment_nor_step(
    mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    with (
        patch.object(paying, "settle_paid", side_effect=RuntimeError),
        pytest.raises(RuntimeError),
    ):
        pay_due(now=at(FIRST))
    assert (paid(), settled(order)) == ([], [])
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)


@pytest.mark.parametrize("change", CHANGES)
def test_a_refusal_of_an_order_that_changed_meanwhile_is_not_written_down(
    mine: Account, theirs: Account, change: str
) -> None:
    stale = order_of(mine, theirs)
    CHANGES[change](stale)
    before = settled(stale)
    assert not orders.give_up(order=stale, why="Too little money.")
    assert not orders.record_refusal(order=stale, why="Too little money.", at=at(FIRST))
    assert settled(stale) == before
    stale.refresh_from_db()
    assert stale.refused_at is None


def test_of_a_strangers_account_no_refusal_tells_why(mine: Account, theirs: Account) -> None:
    order = StandingOrder.objects.with_accounts().get(pk=order_of(mine, theirs).pk)
    own = StandingOrder.objects.with_accounts().get(
        pk=order_of(mine, AccountFactory(user=mine.user)).pk
    )
    refusal = RecipientFull("It holds all that it can.")
    assert paying.in_words(refusal, order) == CANNOT_RECEIVE
    assert paying.in_words(refusal, own) == str(refusal)


def test_an_order_that_is_set_up_meanwhile_is_of_the_next_run(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever goes on setting up orders would keep the worker from all other work."""
    pay = paying._pay
    meanwhile = list[StandingOrder]()

    def another(order: StandingOrder, run: Any) -> None:
        assert len(meanwhile) < 5
        meanwhile.append(order_of(mine, theirs))
        pay(order, run)

    order_of(mine, theirs)
    monkeypatch.setattr(paying, "_pay", another)
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)
    monkeypatch.setattr(paying, "_pay", pay)
    assert pay_due(now=at(FIRST)) == PaidOrders(paid=1)
