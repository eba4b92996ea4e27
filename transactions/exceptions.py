"""Refusals of money movements; see `accounts.exceptions` for the base.

Two places use the sentences below: services that refuse, and staff pages, which show them instead
of offering a step that would be refused.
"""

from accounts.exceptions import (
    AccountNotActive,
    AccountNotFound,
    LedgerError,
)

__all__ = [
    "AccountNotActive",
    "AccountNotFound",
    "AlreadyReversed",
    "CurrencyMismatch",
    "ExpiryPassed",
    "HoldNotPending",
    "IdempotencyConflict",
    "InsufficientFunds",
    "InvalidAmount",
    "InvalidDetails",
    "LedgerError",
    "LimitExceeded",
    "RecipientClosed",
    "RecipientFull",
    "RefusedByDatabase",
    "SameAccount",
    "TooManyTogether",
    "TransactionNotFound",
]


REFUNDS_ARE_FINAL = "Refunds cannot be refunded; send a new payment instead."
REFUNDED_IN_FULL = "This transaction has been refunded in full."
HOLD_CAPTURED = "This hold was captured before; refund the payment that captured it instead."
HOLD_RELEASED = "This hold was released before; place a new one instead."
HOLD_EXPIRED = "This hold has expired; release it and place a new one instead."
NOT_A_HOLD = "This transaction is booked, not held; refund it instead."
# Why a hold cannot be refunded, by its status.
NO_REFUND_OF_HOLD = {
    "pending": "This hold is not booked, so there is nothing to refund; release it instead.",
    "captured": HOLD_CAPTURED,
    "voided": "This hold was released, so there is nothing to refund.",
}


class TransactionNotFound(LedgerError):
    """No transaction of this person has that id."""


class InvalidAmount(LedgerError):
    """The amount is not above zero, too large, above its hold, or finer than its currency."""

    field = "amount"


class RecipientClosed(AccountNotActive):
    """The account that would receive the money is closed."""

    field = "to_account"


class RecipientFull(InvalidAmount):
    """The account that would receive the money cannot hold that much."""

    field = "to_account"


class InvalidDetails(LedgerError):
    """A value of the draft, other than its amount, is missing, contradicts another, or cannot be
    stored as given. Also a note or tag that cannot be stored.
    """


class NoteChanged(LedgerError):
    """The owner's note or tags were changed meanwhile, in another window."""

    is_conflict = True


class InsufficientFunds(LedgerError):
    """More than the account has available."""

    field = "amount"


class CurrencyMismatch(LedgerError):
    """The two accounts are in different currencies."""

    field = "to_account"


class SameAccount(LedgerError):
    """Both sides are the same account, or there is no side."""

    field = "to_account"


class IdempotencyConflict(LedgerError):
    """This id has already been used for another transaction."""

    is_conflict = True


class AlreadyReversed(LedgerError):
    """A row cannot be reversed: it is missing, not booked or a reversal itself, or the new row is
    for too much or has other accounts.
    """


class ExpiryPassed(LedgerError):
    """The end of a new hold is in the past."""

    field = "expires_at"


class HoldNotPending(LedgerError):
    """A row cannot be captured or voided: it is no hold, or ended before. Or a hold cannot be
    captured: it has expired, or the new row has other accounts.
    """


class LimitExceeded(LedgerError):
    """Above the account's limit for one payment, or for a day."""

    field = "amount"


class TooManyTogether(LedgerError):
    """More payments than are booked all or none in one call or file."""


class RefusedByDatabase(LedgerError):
    """The database refused the row by a constraint that has no exception of its own."""
