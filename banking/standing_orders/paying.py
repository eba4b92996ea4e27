"""Pays what is due, each day of each order once.

Note [Each day once]: a payment and the step of its order to the next day are one database
transaction (`settle_paid`). So whatever is killed, and however many run at once: a day whose
payment was booked is settled, and one that is not settled was not paid. The id of the payment
follows from the order, the day and SECRET_KEY, so nobody who knows the order can use it up before.
Another SECRET_KEY makes other ids, and pays no day twice: the day is settled by the order and by
`id_of_occurrence`, not by the payment's id. Days that were missed are paid in their order.

Note [Second tries]: an order may lack money that another one brings on the same day. So what lacked
money is tried again when all orders of a day had their turn, the oldest day first, for as long as
anything is paid, and counts as refused only at the end of the run. The forecast does the same. Only
the first of these passes looks at all accounts that lack money, each further one at those that the
one before paid into: a ring of accounts makes as many passes as it has orders.

Note [Refused payments]: a refused payment is tried again by each later run of that day, and once
more on the day after; then the day is settled as refused, and the order goes on. Its later days
wait meanwhile. If an account of the order is closed, the order ends at once.

Note [Closed sign-ins]: whose sign-in is closed can neither see nor end an order, so it pays
nothing: each of its days is skipped when it is due, and the order goes on after the sign-in is
restored. If the person has left the bank, their accounts are closed, which ends the order.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import chain

from django.db.models import Min
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Account
from banking.standing_orders.models import StandingOrder, StandingOrderQuerySet
from banking.standing_orders.services import (
    OrderChanged,
    give_up,
    note_refusal,
    settle_paid,
    skip,
)
from ledger.db.ids import uuid7_of
from ledger.jobs.apart import apart
from transactions import services
from transactions.exceptions import InsufficientFunds, LedgerError
from transactions.safeguards.recipients import CANNOT_RECEIVE, RECIPIENT_REFUSED
from transactions.services import Draft

OfRow = Callable[[object], AbstractContextManager[None]]
_Lacking = defaultdict[uuid.UUID, list[tuple[StandingOrder, str]]]
SIGN_IN_CLOSED = "Your sign-in was closed."
YOURS_CLOSED = "The account that pays is closed."
THEIRS_CLOSED = "The recipient's account is closed."


@dataclass(slots=True)
class PaidOrders:
    """How many payments were booked, wait for another try, and were refused for good."""

    paid: int = 0
    waiting: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Run:
    """A run of the job: its moment, when it really began, what it did, and what lacked money and
    why, by account.
    """

    moment: datetime
    began_at: datetime = field(default_factory=timezone.now)
    counts: PaidOrders = field(default_factory=PaidOrders)
    lacking: _Lacking = field(default_factory=lambda: defaultdict(list))


def pay_due(*, now: datetime | None = None) -> PaidOrders:
    """Pays every order that is due, missed days first. Safe to run twice and in parallel.

    If an order fails without being refused, pays all others first, then raises that error.
    """
    run = _Run(now or timezone.now())
    with apart("Standing order") as order_apart:
        for day in _due_days(run):
            for order in _due_on(day, run):
                with order_apart(order.pk):
                    _pay(order, run)
            paid_into: set[uuid.UUID] | None = None
            while run.lacking and (paid_into := _try_again(run, day, order_apart, paid_into)):
                pass
        for order, why in chain.from_iterable(run.lacking.values()):
            with order_apart(order.pk):
                _refused(order, why, run)
    return run.counts


def payment_id(order: uuid.UUID, day: date) -> uuid.UUID:
    """Returns the id of the transaction that pays this day: see Note [Each day once]."""
    name = salted_hmac("standing order", f"{order} {day}", algorithm="sha256").hexdigest()
    return uuid7_of(datetime.combine(day, time(), UTC), name)


def _due_days(run: _Run) -> Iterator[date]:
    """The days until today that have orders, each read when its turn comes: what was paid before
    has moved its order to a later day. Orders that are set up meanwhile are of the next run, which
    would not end otherwise.
    """
    today = timezone.localdate(run.moment)
    due = StandingOrder.objects.active().filter(next_on__lte=today, created_at__lte=run.began_at)
    day = due.aggregate(first=Min("next_on"))["first"]
    while day is not None:
        yield day
        day = due.filter(next_on__gt=day).aggregate(first=Min("next_on"))["first"]


def _due_on(day: date, run: _Run) -> Iterator[StandingOrder]:
    """The orders of a day. Each is read when its turn comes, and what waits is not read again."""
    due = _readable().filter(next_on=day, created_at__lte=run.began_at).order_by("pk")
    order = due.first()
    while order is not None:
        yield order
        order = due.filter(pk__gt=order.pk).first()


def _readable() -> StandingOrderQuerySet:
    return StandingOrder.objects.active().with_accounts().select_related("owner")


def _try_again(
    run: _Run, day: date, order_apart: OfRow, among: set[uuid.UUID] | None
) -> set[uuid.UUID]:
    """Tries once more what lacks money, missed days first, from those of the accounts `among`, None
    for all, that have enough for any of it now. An order that is paid has its next missed day tried
    in its turn. Returns the accounts that were paid into: no other has more than before.
    """
    paid_into = set[uuid.UUID]()
    available = _ready(run.lacking, run.lacking.keys() if among is None else among)
    queue = [
        (order.next_on, order.pk, order, why)
        for account in available
        for order, why in run.lacking.pop(account)
    ]
    heapify(queue)
    while queue:
        _on, pk, order, why = heappop(queue)
        source, target = order.from_account_id, order.to_account_id
        if order.amount > available[source]:
            run.lacking[source].append((order, why))
            continue
        paid = run.counts.paid
        with order_apart(pk):
            _pay(order, run)
            if run.counts.paid > paid:
                paid_into.add(target)
                available[source] -= order.amount
                if target in available:
                    available[target] += order.amount
                later = _readable().filter(pk=pk, next_on__lte=day)
                for each in later:  # one or none
                    heappush(queue, (each.next_on, pk, each, ""))
    return paid_into


def _ready(lacking: _Lacking, accounts: Iterable[uuid.UUID]) -> dict[uuid.UUID, Decimal]:
    """What those of the accounts have that have what one of their orders lacked, whoever brought
    it.
    """
    rows = Account.objects.filter(pk__in=[pk for pk in accounts if pk in lacking])
    return {
        pk: available
        for pk, available in rows.values_list("pk", "available")
        if any(order.amount <= available for order, _why in lacking[pk])
    }


def _pay(order: StandingOrder, run: _Run) -> None:
    if not order.owner.is_active and not closed_account(order.pk):
        with suppress(OrderChanged):  # settled by another worker, who comes first
            skip(order=order, day=order.next_on, why=SIGN_IN_CLOSED)
        return
    draft = Draft(
        id=payment_id(order.pk, order.next_on), from_account=order.from_account_id,
        to_account=order.to_account_id, amount=order.amount, description=order.description,
        reference=order.reference, created_by=order.owner_id,
    )  # fmt: skip
    try:
        services.book(draft, write_also=partial(settle_paid, order))
    except OrderChanged:
        return  # paid by another worker, or changed by its owner, who come first
    except InsufficientFunds as refusal:
        run.lacking[order.from_account_id].append((order, str(refusal)))
    except LedgerError as refusal:
        _refused(order, in_words(refusal, order), run)
    else:
        run.counts.paid += 1


def _is_over(order: StandingOrder, run: _Run) -> bool:
    """Whether it was refused on a day before, so that this is its last try."""
    before = order.refused_at
    return before is not None and timezone.localdate(before) < timezone.localdate(run.moment)


def _refused(order: StandingOrder, why: str, run: _Run) -> None:
    closed = closed_account(order.pk)
    if closed or _is_over(order, run):
        run.counts.refused += give_up(order=order, why=closed or why, ends=bool(closed))
    else:
        run.counts.waiting += note_refusal(order=order, why=why, at=run.moment)


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
