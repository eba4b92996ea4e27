"""Pays what is due, each day of each order once.

Note [Each day once]: a payment and the step of its order to the next day are one database
transaction (`settle_paid`), and the id of the transaction is made of the order and the day. So
whatever is killed, and however many run at once: a day whose payment was booked is settled, and one
that is not settled was not paid. Days that were missed are paid in their order.

Note [Refused payments]: a refused payment is tried again by each later run of that day, and once
more on the day after; then the day is settled as refused, and the order goes on. Its later days
wait meanwhile. If an account of the order is closed, the order ends at once.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial

from django.db.models import Q
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7_of
from ledger.jobs.apart import apart
from transactions import services
from transactions.exceptions import LedgerError
from transactions.models import StandingOrder
from transactions.safeguards.recipients import CANNOT_RECEIVE, RECIPIENT_REFUSED
from transactions.services import Draft
from transactions.standing_orders.services import (
    OrderChanged,
    give_up,
    note_refusal,
    settle_paid,
)

YOURS_CLOSED = "The account that pays is closed."
THEIRS_CLOSED = "The recipient's account is closed."


@dataclass(slots=True)
class PaidOrders:
    """How many payments were booked, wait for another try, and were refused for good."""

    paid: int = 0
    waiting: int = 0
    refused: int = 0


def pay_due(*, now: datetime | None = None) -> PaidOrders:
    """Pays every order that is due, missed days first. Safe to run twice and in parallel.

    If an order fails without being refused, pays all others first, then raises that error.
    """
    moment = now or timezone.now()
    counts = PaidOrders()
    with apart("Standing order") as order_apart:
        for order in _due(timezone.localdate(moment)):
            with order_apart(order.pk):
                _pay(order, moment, counts)
    return counts


def payment_id(order: uuid.UUID, day: date) -> uuid.UUID:
    """The id of the transaction that pays this day of an order."""
    return uuid7_of(datetime.combine(day, time(), UTC), f"standing order {order} {day}")


def _due(today: date) -> Iterator[StandingOrder]:
    """The orders that are due, each as often as it has due days, by day. Each is read when its turn
    comes: what was paid before has moved it to a later place, and what waits is not read again.
    """
    due = StandingOrder.objects.active().filter(next_on__lte=today).in_order()
    after = Q()
    while order := due.filter(after).with_accounts().select_related("owner").first():
        yield order
        after = Q(next_on__gt=order.next_on) | Q(next_on=order.next_on, pk__gt=order.pk)


def _pay(order: StandingOrder, moment: datetime, counts: PaidOrders) -> None:
    draft = Draft(
        id=payment_id(order.pk, order.next_on), from_account=order.from_account_id,
        to_account=order.to_account_id, amount=order.amount, description=order.description,
        reference=order.reference, created_by=order.owner_id,
    )  # fmt: skip
    try:
        services.book(draft, beside=partial(settle_paid, order))
    except OrderChanged:
        return  # paid by another worker, or changed by its owner, who come first
    except LedgerError as refusal:
        _refused(order, in_words(refusal, order), moment, counts)
    else:
        counts.paid += 1


def _refused(order: StandingOrder, why: str, moment: datetime, counts: PaidOrders) -> None:
    closed = closed_account(order.pk)
    before = order.refused_at
    is_over = before is not None and timezone.localdate(before) < timezone.localdate(moment)
    if closed or is_over:
        counts.refused += give_up(order=order, why=closed or why, ends=bool(closed))
    else:
        counts.waiting += note_refusal(order=order, why=why, at=moment)


def closed_account(order: uuid.UUID) -> str:
    """Which account of the order is closed, in a sentence; "" if none is."""
    row = StandingOrder.objects.with_accounts().get(pk=order)
    if row.from_account.status == Account.Status.CLOSED:
        return YOURS_CLOSED
    return THEIRS_CLOSED if row.to_account.status == Account.Status.CLOSED else ""


def in_words(refusal: LedgerError, order: StandingOrder) -> str:
    """The refusal for the owner. Of somebody else's account it tells nothing."""
    is_own = order.to_account.user_id == order.owner_id
    is_theirs = isinstance(refusal, RECIPIENT_REFUSED) and not is_own
    return CANNOT_RECEIVE if is_theirs else str(refusal)
