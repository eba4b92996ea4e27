"""Refusals of money movements; the base class is in `accounts.exceptions`.

The messages below are used by services that refuse, and by staff pages, which show a message
instead of a button for a step that would be refused.
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
    """This person has no transaction with that id."""


class InvalidAmount(LedgerError):
    """The amount is not above zero, too large, above the amount of its hold, or too fine for its
    currency.
    """

    field = "amount"


class RecipientClosed(AccountNotActive):
    """The account that would receive the money is closed."""

    field = "to_account"


class RecipientFull(InvalidAmount):
    """The balance of the account that would receive the money would be too large."""

    field = "to_account"


class InvalidDetails(LedgerError):
    """A value of the draft, other than the amount, is missing, contradicts another value, or cannot
    be stored. Also raised for a note or tag that cannot be stored.
    """


class NoteChanged(LedgerError):
    """The owner's note or tags were changed in another window after this one was opened."""

    is_conflict = True


class InsufficientFunds(LedgerError):
    """The amount is more than the account has available."""

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
    """A row cannot be reversed because it is missing, not booked or a reversal, or because the new
    row has too high an amount or other accounts.
    """


class ExpiryPassed(LedgerError):
    """The end of a new hold is in the past."""

    field = "expires_at"


class HoldNotPending(LedgerError):
    """A row cannot be captured or voided because it is not a hold or has ended; or a hold cannot be
    captured because it has expired or the new row has other accounts.
    """


class LimitExceeded(LedgerError):
    """The amount is above the account's limit for one payment or for a day."""

    field = "amount"


class TooManyTogether(LedgerError):
    """The call or file has more payments than can be booked together (all or none)."""


class RefusedByDatabase(LedgerError):
    """The database refused the row for a reason without a specific error type."""
