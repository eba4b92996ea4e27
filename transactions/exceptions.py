"""The errors of refused payments, holds and refunds. The base class is in `accounts.exceptions`.

Services raise these errors with the messages in this module. If an action would be refused, staff
pages show the message instead of the button.

The API shows the first paragraph of each class's docstring as the meaning of a problem type.
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


REFUNDS_ARE_FINAL = "Refunds cannot be refunded. Send a new payment instead."
REFUNDED_IN_FULL = "This transaction has been refunded in full."
HOLD_CAPTURED = "This hold was captured before. Refund the payment that captured it instead."
HOLD_RELEASED = "This hold was released before. Place a new hold instead."
HOLD_EXPIRED = "This hold has expired. Release it and place a new hold instead."
NOT_A_HOLD = "This transaction is booked, not held. Refund it instead."
# Why a hold cannot be refunded, by the status of the hold.
NO_REFUND_OF_HOLD = {
    "pending": "This hold is not booked, so there is nothing to refund. Release it instead.",
    "captured": HOLD_CAPTURED,
    "voided": "This hold was released, so there is nothing to refund.",
}


class TransactionNotFound(LedgerError):
    """This person has no transaction with this id."""


class InvalidAmount(LedgerError):
    """The amount is not above zero, too large, larger than the hold that it captures, or has more
    decimals than its currency.
    """

    field = "amount"


class RecipientClosed(AccountNotActive):
    """The account that would receive the money is closed."""

    field = "to_account"


class RecipientFull(InvalidAmount):
    """The balance of the receiving account would become too large."""

    field = "to_account"


class InvalidDetails(LedgerError):
    """A value is missing, contradicts another value, or cannot be stored. The value may be a note
    or a tag, but is not an amount.
    """


class NoteChanged(LedgerError):
    """The owner has changed the note or tags in another window since this window was opened."""

    is_conflict = True


class InsufficientFunds(LedgerError):
    """The amount is larger than the available money of the account."""

    field = "amount"


class CurrencyMismatch(LedgerError):
    """The two accounts are in different currencies."""

    field = "to_account"


class SameAccount(LedgerError):
    """The payer's and the payee's account are the same account, or both accounts are missing."""

    field = "to_account"


class IdempotencyConflict(LedgerError):
    """This id has already been used for another transaction."""

    is_conflict = True


class AlreadyReversed(LedgerError):
    """A transaction cannot be reversed. The original does not exist, is not booked, or is itself a
    reversal. Or the amount of the reversal is too large, or its accounts are not the accounts of
    the original.
    """


class ExpiryPassed(LedgerError):
    """The expiry time of a new hold is in the past."""

    field = "expires_at"


class HoldNotPending(LedgerError):
    """A hold cannot be captured or voided, because the transaction is not a pending hold. A capture
    is also refused if the hold has expired, or if the capture has other accounts.
    """


class LimitExceeded(LedgerError):
    """The amount is above the account's limit for one payment or for a day."""

    field = "amount"


class TooManyTogether(LedgerError):
    """The payments of this call or file must be booked together, but there are too many of them."""


class RefusedByDatabase(LedgerError):
    """A rule of the database refused the data."""
