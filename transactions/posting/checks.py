"""Checks drafts and releases of holds against the locked accounts. Applies accepted drafts to the
accounts in memory.

`single_statement` makes the same checks in SQL. A plain payment is checked here only if the SQL has
refused the payment. Add a new check to both modules.
"""

from decimal import Decimal

from django.utils import timezone

from ledger.text.amounts import too_fine
from ledger.text.currencies import LARGEST_AMOUNT, fits
from ledger.text.dates import clock, long_date
from ledger.text.money import figure
from transactions.exceptions import (
    HOLD_CAPTURED,
    HOLD_EXPIRED,
    HOLD_RELEASED,
    NO_REFUND_OF_HOLD,
    REFUNDED_IN_FULL,
    REFUNDS_ARE_FINAL,
    AccountNotActive,
    AlreadyReversed,
    CurrencyMismatch,
    ExpiryPassed,
    HoldNotPending,
    InsufficientFunds,
    InvalidAmount,
    LimitExceeded,
    RecipientClosed,
    RecipientFull,
)
from transactions.models import Transaction
from transactions.posting.drafts import PreparedDraft
from transactions.posting.locked_accounts import LockedAccount, LockedAccounts, Sides, booking_time


def check(item: PreparedDraft, sides: Sides, locked: LockedAccounts) -> None:
    """Raises a LedgerError if the draft is refused. Changes nothing."""
    _check_currency(item, sides)
    if item.expires_at is not None:
        _check_expiry(item)
    if item.captures_id is not None:
        check_hold_is_pending(locked.linked.get(item.captures_id), locked)
        _check_capture(item, locked.linked[item.captures_id])
    if item.reverses_id is not None:
        _check_reversal(item, locked)
    if sides.sender is not None:
        _check_sender(item, sides.sender, sides, locked)
    if sides.recipient is not None:
        _check_recipient(item, sides.recipient)


def _check_currency(item: PreparedDraft, sides: Sides) -> None:
    sender, recipient = sides
    if sender and recipient and sender.currency != recipient.currency:
        raise CurrencyMismatch(
            f"{sender.name} is in {sender.currency}, the recipient's account in "
            f"{recipient.currency}. Both accounts must have the same currency."
        )
    currency = sides.currency
    if not fits(item.amount, sides.minor_units):
        raise InvalidAmount(too_fine(item.amount, currency))


def _check_expiry(item: PreparedDraft) -> None:
    """Raises ExpiryPassed for a new hold whose expiry time is in the past. A hold with `created_at`
    is imported, and may have expired.
    """
    assert item.expires_at is not None  # noqa: S101  the caller has checked it
    if item.created_at is None and item.expires_at <= timezone.now():
        over = timezone.localtime(item.expires_at)
        raise ExpiryPassed(
            f"The end of the hold, {clock(over)} on {long_date(over)}, is in the past. Choose a "
            "later end."
        )


def check_hold_is_pending(hold: Transaction | None, locked: LockedAccounts) -> None:
    """Raises HoldNotPending unless the row is a hold that can still be captured or voided."""
    if hold is None or hold.status == Transaction.Status.COMPLETED:
        raise HoldNotPending("There is no hold with that id.")
    if hold.status == Transaction.Status.VOIDED:
        raise HoldNotPending(HOLD_RELEASED)
    if hold.status == Transaction.Status.CAPTURED or hold.pk in locked.ended:
        raise HoldNotPending(HOLD_CAPTURED)


def _check_capture(item: PreparedDraft, hold: Transaction) -> None:
    if (item.from_id, item.to_id) != (hold.from_account_id, hold.to_account_id):
        raise HoldNotPending("A capture must have the same two accounts as its hold.")
    if hold.expires_at is not None and hold.expires_at <= timezone.now():
        raise HoldNotPending(HOLD_EXPIRED)
    if item.amount > hold.amount:
        held, amount = figure(hold.amount, hold.currency), figure(item.amount, hold.currency)
        raise InvalidAmount(f"The hold is for {held}, and {amount} is more.")


def _check_reversal(item: PreparedDraft, locked: LockedAccounts) -> None:
    original = locked.linked.get(item.reverses_id) if item.reverses_id else None
    if original is None:
        raise AlreadyReversed("There is no transaction with that id.")
    if original.status != Transaction.Status.COMPLETED:
        is_captured = original.pk in locked.ended
        status = Transaction.Status.CAPTURED if is_captured else original.status
        raise AlreadyReversed(NO_REFUND_OF_HOLD[status])
    if original.reverses_id is not None:
        raise AlreadyReversed(REFUNDS_ARE_FINAL)
    if (item.from_id, item.to_id) != (original.to_account_id, original.from_account_id):
        raise AlreadyReversed("A reversal must have the accounts of its original, swapped.")
    left = original.amount - locked.reversed.get(original.pk, Decimal(0))
    if item.amount > left:
        rest = figure(left, original.currency)
        amount = figure(item.amount, original.currency)
        raise AlreadyReversed(
            f"You can refund up to {rest} {original.currency} of this transaction, and {amount} is "
            "more."
            if left
            else REFUNDED_IN_FULL
        )


def _check_sender(
    item: PreparedDraft, sender: LockedAccount, sides: Sides, locked: LockedAccounts
) -> None:
    if sender.status == "frozen":
        raise AccountNotActive(
            f"{sender.name} is frozen. It can receive money, but cannot send money."
        )
    if sender.status != "active":
        raise AccountNotActive(f"{sender.name} is closed. Choose another account.")
    available = sender.available
    if item.captures_id is not None:
        available += locked.linked[item.captures_id].amount
    elif item.reverses_id is None:  # no limits for refunds; for captures, the hold was checked
        _check_limits(item, sender, sides, locked)
    if item.amount > available:
        amount = figure(item.amount, sender.currency)
        short = figure(item.amount - available, sender.currency)
        raise InsufficientFunds(
            f"{sender.name} has {figure(available, sender.currency)} available; "
            f"{amount} is too much by {short}."
        )


def _check_limits(
    item: PreparedDraft, sender: LockedAccount, sides: Sides, locked: LockedAccounts
) -> None:
    if sender.transfer_limit is not None and item.amount > sender.transfer_limit:
        raise LimitExceeded(
            f"{figure(item.amount, sender.currency)} is above the limit of "
            f"{figure(sender.transfer_limit, sender.currency)} {sender.currency} per payment "
            f"from {sender.name}."
        )
    if sender.daily_limit is not None:
        left = sender.daily_limit - sender.sent_on(locked.day_of(booking_time(item, sides)))
        if left <= 0:
            raise LimitExceeded(
                f"{sender.name} has used up its limit of "
                f"{figure(sender.daily_limit, sender.currency)} {sender.currency} for this day."
            )
        if item.amount > left:
            raise LimitExceeded(
                f"{sender.name} can send up to {figure(left, sender.currency)} "
                f"{sender.currency} more on this day, and {figure(item.amount, sender.currency)} "
                "is more."
            )


def _check_recipient(item: PreparedDraft, recipient: LockedAccount) -> None:
    if recipient.status == "closed":
        raise RecipientClosed(
            f"Account {recipient.number} is closed and cannot receive money. Ask for another "
            "number."
        )
    if recipient.balance + recipient.overdraft_limit + item.amount > LARGEST_AMOUNT:
        raise RecipientFull(
            f"The balance of account {recipient.number} would be above {LARGEST_AMOUNT:,f}, the "
            "maximum. Send less."
        )


def apply(item: PreparedDraft, sides: Sides, locked: LockedAccounts) -> None:
    """Updates the balances of the locked accounts in memory. Sets the draft's booking time, value
    date, currency and balances.
    """
    sender, recipient = sides
    moment = booking_time(item, sides)
    item.booked_at = moment
    item.booked_value_date = item.value_date or locked.day_of(moment)
    item.currency = sides.currency
    if sender is not None:
        _take(item, sender, locked)
        sender.last_entry_at = moment
    if recipient is not None:
        if not item.is_hold:
            recipient.balance += item.amount
            item.to_balance = recipient.balance
        recipient.last_entry_at = moment
    if item.reverses_id is not None:
        before = locked.reversed.get(item.reverses_id, Decimal(0))
        locked.reversed[item.reverses_id] = before + item.amount


def _take(item: PreparedDraft, sender: LockedAccount, locked: LockedAccounts) -> None:
    """Deducts the amount from the sender in memory. A hold increases the held amount. Any other
    draft decreases the balance.
    """
    if sender.daily_limit is not None and item.booked_at is not None:
        day = locked.day_of(item.booked_at)
        counted = Decimal(0) if item.is_correction else item.amount
        sender.sent[day] = sender.sent_on(day) + counted
    if item.is_hold:
        sender.held += item.amount
        return
    if item.captures_id is not None:
        sender.held -= locked.linked[item.captures_id].amount
        locked.ended.add(item.captures_id)
    sender.balance -= item.amount
    item.from_balance = sender.balance
