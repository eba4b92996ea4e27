"""Pays the standing orders that are due. Each day of an order is paid at most once.

Note [Each day once]: a payment is booked in the database transaction that moves its order to the
next day (`settle_paid`). So a day has the result "paid" if and only if its payment was booked, even
if workers are killed or run in parallel. The id of the payment is a hash of the order, the day and
SECRET_KEY, so a person who knows the order cannot use this id first. A new SECRET_KEY changes these
ids, but no day is paid twice: `id_of_occurrence` does not depend on SECRET_KEY, and each of its ids
can be inserted only once. Missed days are paid in the order of their dates.

Note [Second tries]: an order may need money that another order brings on the same day. Therefore
the orders that lacked money are tried again after all orders of a day were tried, the oldest day
first. The attempts are repeated as long as at least one of these orders is paid. Orders that still
lack money count as refused only at the end of the run. The forecast does the same. The first
repetition reads all accounts that lack money. Each later repetition reads only the accounts that
received money in the previous repetition. If each order brings the money for the next order, there
can be as many repetitions as orders.

Note [Refused payments]: a refused payment is tried again by each later run on that day, and once
more on the next day. Then the result of the day is "refused", and the order continues. The later
days of the order wait until then. If an account of the order is closed, the order ends immediately.

Note [Closed sign-ins]: a user whose sign-in is closed can neither see nor end an order, so the
order pays nothing. Each of its days is skipped when it is due. The order continues after the
sign-in is opened again. If the person has left the bank, their accounts are closed, which ends the
order.
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
    record_refusal,
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
    """The number of payments that were booked, the number that wait for another attempt, and the
    number that were refused permanently.
    """

    paid: int = 0
    waiting: int = 0
    refused: int = 0


@dataclass(slots=True)
class _Run:
    """A run of the job, which pays the orders that are due at the time `moment`. `began_at` is the
    time when the job started. `lacking` contains, for each account, the orders for which the
    account has too little money, and the texts of the refusals.
    """

    moment: datetime
    began_at: datetime = field(default_factory=timezone.now)
    counts: PaidOrders = field(default_factory=PaidOrders)
    lacking: _Lacking = field(default_factory=lambda: defaultdict(list))


def pay_due(*, now: datetime | None = None) -> PaidOrders:
    """Pays every order that is due, missed days first. Returns the numbers of booked, waiting and
    refused payments. Several workers can call this function in parallel: each payment is made only
    once.

    Raises: the first unexpected error of an order, after all other orders were tried.
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
    """Returns the id of the transaction that pays this day of the order. See Note [Each day
    once].
    """
    name = salted_hmac("standing order", f"{order} {day}", algorithm="sha256").hexdigest()
    return uuid7_of(datetime.combine(day, time(), UTC), name)


def _due_days(run: _Run) -> Iterator[date]:
    """Yields the days until today on which orders are due. Queries each day only after the orders
    of the previous day were tried, because a payment moves its order to a later day.

    Orders that were set up after the start of the run wait for the next run. Otherwise the run
    might not end.
    """
    today = timezone.localdate(run.moment)
    due = StandingOrder.objects.active().filter(next_on__lte=today, created_at__lte=run.began_at)
    day = due.aggregate(first=Min("next_on"))["first"]
    while day is not None:
        yield day
        day = due.filter(next_on__gt=day).aggregate(first=Min("next_on"))["first"]


def _due_on(day: date, run: _Run) -> Iterator[StandingOrder]:
    """Yields each order that is due on this day, only once. Queries an order only after the
    previous order was tried.
    """
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
    """Tries the orders that lack money again, missed days first. Tries only orders of accounts that
    now have enough money for at least one order. After an order is paid, its next missed day is
    tried too. `among` contains the ids of the paying accounts to try. None means all accounts.

    Returns the ids of the accounts that received money, because only these accounts can have more
    money than before.
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
                for each in later:  # there is at most one
                    heappush(queue, (each.next_on, pk, each, ""))
    return paid_into


def _ready(lacking: _Lacking, accounts: Iterable[uuid.UUID]) -> dict[uuid.UUID, Decimal]:
    """Returns the available money of each account that has enough money for one of its orders."""
    rows = Account.objects.filter(pk__in=[pk for pk in accounts if pk in lacking])
    return {
        pk: available
        for pk, available in rows.values_list("pk", "available")
        if any(order.amount <= available for order, _why in lacking[pk])
    }


def _pay(order: StandingOrder, run: _Run) -> None:
    if not order.owner.is_active and not closed_account(order.pk):
        with suppress(OrderChanged):  # another worker has already settled the day
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
        return  # another worker has paid the order, or its owner has changed it
    except InsufficientFunds as refusal:
        run.lacking[order.from_account_id].append((order, str(refusal)))
    except LedgerError as refusal:
        _refused(order, in_words(refusal, order), run)
    else:
        run.counts.paid += 1


def _is_over(order: StandingOrder, run: _Run) -> bool:
    """Returns whether the order's payment was refused on an earlier day. In this case, the attempt
    of this run is the last attempt.
    """
    before = order.refused_at
    return before is not None and timezone.localdate(before) < timezone.localdate(run.moment)


def _refused(order: StandingOrder, why: str, run: _Run) -> None:
    closed = closed_account(order.pk)
    if closed or _is_over(order, run):
        run.counts.refused += give_up(order=order, why=closed or why, ends=bool(closed))
    else:
        run.counts.waiting += record_refusal(order=order, why=why, at=run.moment)


def closed_account(order: uuid.UUID) -> str:
    """Returns a message about the closed account if one of the order's two accounts is closed, and
    "" otherwise.
    """
    row = StandingOrder.objects.with_accounts().get(pk=order)
    if row.from_account.status == Account.Status.CLOSED:
        return YOURS_CLOSED
    return THEIRS_CLOSED if row.to_account.status == Account.Status.CLOSED else ""


def in_words(refusal: LedgerError, order: StandingOrder) -> str:
    """Returns the reason of a refusal as text for the order's owner. The text reveals nothing about
    another person's account.
    """
    is_own = order.to_account.user_id == order.owner_id
    is_theirs = isinstance(refusal, RECIPIENT_REFUSED) and not is_own
    return CANNOT_RECEIVE if is_theirs else str(refusal)
