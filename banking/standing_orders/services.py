"""Sets up and changes standing orders, and stores the result of each day. Each call is one database
transaction.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction as db_transaction
from django.db.models import F
from django.utils import timezone

from accounts import current_access
from accounts.models import Account, User
from banking.standing_orders.models import (
    CHANGES_AMOUNT,
    WHY_LIMIT,
    Every,
    Occurrence,
    StandingOrder,
    id_of_occurrence,
)
from ledger.db.local_settings import set_locally
from ledger.db.retry import with_retry
from ledger.text.amounts import decimals_refusal
from ledger.text.dates import long_date
from ledger.text.money import money
from transactions.exceptions import (
    CurrencyMismatch,
    InvalidAmount,
    InvalidDetails,
    LedgerError,
    LimitExceeded,
    RecipientClosed,
    SameAccount,
)
from transactions.models import Transaction

MAX_ORDERS = 200  # orders of one person that have not ended
MAX_DAYS_AHEAD = 731  # maximum number of days until the first payment
TOO_MANY = f"You have {MAX_ORDERS} standing orders. End one first."
CHANGED = "This order has changed in the meantime. Check it again."
MISSED = (
    "The payment of {} has not been made yet and uses the old amount. Change the amount after "
    "this payment, or skip the payment first."
)
RESULTS = {
    Occurrence.DayOutcome.PAID: "made",
    Occurrence.DayOutcome.REFUSED: "not made",
    Occurrence.DayOutcome.SKIPPED: "skipped",
}
ONCE_HAS_NO_END = "An order that pays once cannot have an end date or a number of payments."
BY_OWNER = "You ended it."
BY_BANK = "The bank ended it."


class OrderChanged(LedgerError):
    """After the caller read the order, it was paid, skipped, changed, paused or ended."""

    is_conflict = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDraft:
    """An order that is not set up yet. `id` is the idempotency key."""

    id: uuid.UUID
    owner: User
    from_account: Account
    to_account: Account
    amount: Decimal
    every: str
    first_on: date
    last_on: date | None = None
    times: int | None = None
    description: str = ""
    reference: str = ""

    @property
    def row(self) -> StandingOrder:
        """The order as a model instance that is not saved yet."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return StandingOrder(**{**fields, "times": times_of(self.every, self.times)})


def times_of(every: str, times: int | None) -> int | None:
    """Returns the number of payments of an order, or None if the number is not limited. For an
    order that pays once, the number is 1.
    """
    return 1 if every == Every.ONCE and times is None else times


def set_up(draft: OrderDraft) -> StandingOrder:
    """Sets up an order and returns it. A second call with the same id returns the existing order.

    Raises: LedgerError if the bank would refuse every payment of the order.
    """
    row = check(draft)
    return _set_up(row)


def check(draft: OrderDraft) -> StandingOrder:
    """Checks whether the order can be set up, and returns it as an unsaved model instance.

    Raises: the same errors as `set_up`.
    """
    if draft.every == Every.ONCE and (draft.last_on is not None or draft.times not in (None, 1)):
        raise InvalidDetails(ONCE_HAS_NO_END)
    row = draft.row
    _refuse(row)
    _refuse_days(row)
    return row


@with_retry
def _set_up(row: StandingOrder) -> StandingOrder:
    """Stores the order and returns it, or returns the existing order with this id.

    Locks the owner, so that a repeated request waits for the first request and for the standby: see
    Note [Cancelled waits]. Locks the owner's accounts of the order, because these accounts may have
    been closed in the meantime.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_active(row.owner_id)
        mine = StandingOrder.objects.owned_by(row.owner)
        before: StandingOrder | None = mine.filter(pk=row.pk).first()
        if before is not None:
            return before
        if mine.not_ended().count() >= MAX_ORDERS:
            raise InvalidDetails(TOO_MANY)
        both = Account.objects.locked([row.from_account_id, row.to_account_id])
        own = {account.pk: account for account in both.filter(user=row.owner_id)}
        row.from_account = own.get(row.from_account_id, row.from_account)
        row.to_account = own.get(row.to_account_id, row.to_account)
        _refuse(row)
        row.save(force_insert=True)
        return row


def _refuse(row: StandingOrder) -> None:
    """Raises a LedgerError if the bank would refuse every payment of the order. Does not check
    whether the account has enough money today.
    """
    sender, recipient = row.from_account, row.to_account
    if sender.user_id != row.owner_id:
        raise InvalidDetails("Choose one of your accounts to pay from.")
    if sender.pk == recipient.pk:
        raise SameAccount(
            "The payer and the recipient are the same account. Choose another account."
        )
    if sender.is_closed:
        raise InvalidDetails("The account to pay from is closed. Choose another one.")
    if recipient.is_closed:
        raise RecipientClosed("The recipient's account is closed.")
    if sender.currency != recipient.currency:
        raise CurrencyMismatch(
            f"The recipient's account is in {recipient.currency}, yours is in {sender.currency}."
        )
    refuse_amount(row, row.amount)


def refuse_amount(row: StandingOrder, amount: Decimal) -> None:
    """Raises InvalidAmount or LimitExceeded if the account can never pay this amount."""
    sender = row.from_account
    if amount <= 0:
        raise InvalidAmount("The amount must be above zero.")
    if refusal := decimals_refusal(amount, sender.currency):
        raise InvalidAmount(refusal)
    which = "the" if row.times == 1 else "each"
    for limit, how in ((sender.transfer_limit, "payment"), (sender.daily_limit, "day")):
        if limit is not None and amount > limit:
            raise LimitExceeded(
                f"Limit of this account: {money(limit, sender.currency)} per {how}. So {which} "
                "payment would be refused."
            )


def _refuse_days(row: StandingOrder) -> None:
    if row.last_on is not None and row.times is not None:
        raise InvalidDetails("Enter an end date or a number of payments, not both.")
    if row.last_on is not None and row.last_on < row.first_on:
        raise InvalidDetails("The end date is before the first payment.")


@with_retry
def change_amount(
    *, order: StandingOrder, amount: Decimal, today: date | None = None
) -> StandingOrder:
    """Changes the amount of an order from today on, and returns the order.

    Raises: OrderChanged if the order has ended, or if a payment of an earlier day is still due.
    Such a payment must have the old amount.
    """
    with locked(order) as row:
        refuse_amount(row, amount)
        if row.is_active and row.next_on < (today or timezone.localdate()):
            raise OrderChanged(MISSED.format(long_date(row.next_on)))
        set_locally(**{CHANGES_AMOUNT: str(row.pk)})
        row.amount = amount
        _clear_refusal(row)
        row.save(update_fields=["amount", "refused_at", "refused_why"])
    return row


@with_retry
def pause(*, order: StandingOrder) -> StandingOrder:
    """Stops the payments of an order until the order is resumed. Returns the order. A second call
    changes nothing.
    """
    with locked(order) as row:
        row.status = StandingOrder.Status.PAUSED
        _clear_refusal(row)
        row.save(update_fields=["status", "refused_at", "refused_why"])
    return row


@with_retry
def resume(*, order: StandingOrder, today: date | None = None) -> StandingOrder:
    """Continues a paused order and returns it. The next payment is on the first due day that is not
    in the past. Earlier days are skipped.
    """
    here = today or timezone.localdate()
    with locked(order) as row:
        if row.is_paused:
            row.status = StandingOrder.Status.ACTIVE
            for day in row.days_from(row.position):
                if day >= here:
                    break
                _settle(row, day, Occurrence.DayOutcome.SKIPPED, reason="The order was paused.")
            _store(row)
    return row


@with_retry
def skip(*, order: StandingOrder, day: date, why: str = "") -> StandingOrder:
    """Skips the payment of the next day, and returns the order. The skipped payment counts in the
    order's number of payments.

    Raises: OrderChanged if `day` is no longer the next day.
    """
    with locked(order) as row:
        if row.next_on != day:
            raise OrderChanged(CHANGED)
        _settle(row, day, Occurrence.DayOutcome.SKIPPED, reason=why)
        _store(row)
    return row


@with_retry
def end(*, order: StandingOrder, why: str = BY_OWNER) -> bool:
    """Ends an order permanently, and returns True. Returns False for an order that has already
    ended, and keeps the earlier reason.

    Raises: InvalidDetails if the reason is longer than WHY_LIMIT.
    """
    if len(why) > WHY_LIMIT:
        raise InvalidDetails(f"Shorten the reason: limit {WHY_LIMIT} characters.")
    with db_transaction.atomic(durable=True):
        row = _lock(order)
        current_access.refuse_if_ended()
        if row.is_ended:
            return False
        row.status, row.ended_why = StandingOrder.Status.ENDED, why
        row.save(update_fields=["status", "ended_why"])
    return True


@with_retry
def give_up(*, order: StandingOrder, why: str, ends: bool = False) -> bool:
    """Stores "refused" as the final result of the order's next day, and returns True. If `ends` is
    true, also ends the order.

    Returns False, and changes nothing, if the day was settled or the order was changed in the
    meantime.
    """
    with db_transaction.atomic(durable=True):
        row = _lock(order)
        if not _is_same(row, order):
            return False
        _settle(row, row.next_on, Occurrence.DayOutcome.REFUSED, reason=why)
        if ends:
            row.status, row.ended_why = StandingOrder.Status.ENDED, why
        _store(row)
        return True


@with_retry
def record_refusal(*, order: StandingOrder, why: str, at: datetime) -> bool:
    """Stores the reason why the order's due payment was refused, and the time of the first refusal.
    Returns True.

    Returns False, and changes nothing, if the day of this payment already has a result, or if the
    order was changed in the meantime.
    """
    with db_transaction.atomic(durable=True):
        row = _lock(order)
        if not _is_same(row, order):
            return False
        row.refused_at, row.refused_why = row.refused_at or at, why
        row.save(update_fields=["refused_at", "refused_why"])
        return True


def _is_same(row: StandingOrder, tried: StandingOrder) -> bool:
    """Returns whether the locked row is active and has the same next day and the same amount as the
    order that was tried.
    """
    was, now = ((each.position, each.amount) for each in (tried, row))
    return row.is_active and was == now


def settle_paid(order: StandingOrder, paid: Transaction) -> None:
    """Stores the result "paid" for the order's due day, and moves the order to its next day. Must
    be called in the database transaction that books the payment, after the accounts were locked.

    Raises: OrderChanged if the order was changed after it was read. In this case, nothing is
    booked.
    """
    is_last = not order.is_within(order.position + 1)
    status = StandingOrder.Status.ENDED if is_last else StandingOrder.Status.ACTIVE
    same = StandingOrder.objects.active().filter(
        pk=order.pk, position=order.position, amount=order.amount
    )
    changed = same.update(
        position=F("position") + 1, status=status,
        ended_why=done(order, Occurrence.DayOutcome.PAID) if is_last else "",
        refused_at=None, refused_why="",
    )  # fmt: skip
    if changed != 1:
        raise OrderChanged(CHANGED)
    day = order.next_on
    Occurrence.objects.create(
        id=id_of_occurrence(order.pk, day), order=order, due_on=day,
        outcome=Occurrence.DayOutcome.PAID, transaction=paid,
    )  # fmt: skip


@contextmanager
def locked(order: StandingOrder) -> Iterator[StandingOrder]:
    """Runs the block in a database transaction that has locked the owner and then the order. Yields
    the order with its stored values.

    Raises: OrderChanged if the order has ended, and the errors of `lock_person`.
    """
    with db_transaction.atomic(durable=True):
        User.objects.lock_person(order.owner_id)
        row = _lock(order)
        if row.is_ended:
            raise OrderChanged(f"This order has ended. {row.ended_why}")
        yield row


def _lock(order: StandingOrder) -> StandingOrder:
    rows = StandingOrder.objects.select_for_update(of=("self",)).select_related("from_account")
    row: StandingOrder = rows.get(pk=order.pk)
    return row


def done(order: StandingOrder, outcome: Occurrence.DayOutcome) -> str:
    """Returns the text that explains why an order has ended after its last day. The text depends on
    `outcome`, the result of this day.
    """
    which = "payment" if order.times == 1 else "last payment"
    return f"The {which} was {RESULTS[outcome]}."


def _settle(
    row: StandingOrder, day: date, outcome: Occurrence.DayOutcome, *, reason: str = ""
) -> None:
    """Stores the result of a day, and moves the order to its next day, or ends the order after its
    last day. The caller must have locked the row, and must save it.
    """
    Occurrence.objects.create(
        id=id_of_occurrence(row.pk, day), order=row, due_on=day, outcome=outcome, reason=reason
    )
    row.position += 1
    _clear_refusal(row)
    if not row.is_within(row.position):
        row.status, row.ended_why = StandingOrder.Status.ENDED, done(row, outcome)


def _clear_refusal(row: StandingOrder) -> None:
    row.refused_at, row.refused_why = None, ""


def _store(row: StandingOrder) -> None:
    row.save(update_fields=["position", "status", "ended_why", "refused_at", "refused_why"])
    row.refresh_from_db(fields=["next_on"])


def first_day_refusal(day: date, today: date) -> str:
    """Returns the reason why an order cannot begin on this day, or "" if the order can begin on
    this day.
    """
    if day < today:
        return f"This day is in the past. Today is {long_date(today)}."
    if (day - today).days > MAX_DAYS_AHEAD:
        return "Choose a day within the next two years."
    return ""
