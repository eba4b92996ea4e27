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
    "RefusedByDatabase",
    "SameAccount",
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
    """Not a positive amount that fits its currency."""


class InvalidDetails(LedgerError):
    """A description, reference, date or metadata that the books cannot keep as given."""


class NoteChanged(LedgerError):
    """What an owner noted was changed meanwhile, in another window."""


class InsufficientFunds(LedgerError):
    """More than the account has available."""


class CurrencyMismatch(LedgerError):
    """The two accounts are in different currencies."""


class SameAccount(LedgerError):
    """Both sides are the same account, or there is no side."""


class IdempotencyConflict(LedgerError):
    """This id has already been used, for something else."""


class AlreadyReversed(LedgerError):
    """It cannot be reversed: too much, not booked, a reversal itself, or other accounts."""


class ExpiryPassed(LedgerError):
    """The end of a new hold is in the past."""


class HoldNotPending(LedgerError):
    """It cannot be captured or voided: a hold that ended or expired, or never was one."""


class LimitExceeded(LedgerError):
    """Above the account's limit for one payment, or for a day."""


class RefusedByDatabase(LedgerError):
    """The database refused the row by a constraint that has no exception of its own."""
