"""Refusals of money movements; see `accounts.exceptions` for the base."""

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
    """Both sides are one account, or there is no side at all."""


class IdempotencyConflict(LedgerError):
    """This id has already been used, for something else."""


class AlreadyReversed(LedgerError):
    """The reversals of a transaction would exceed it."""


class ExpiryPassed(LedgerError):
    """A hold would be over before it begins."""


class HoldNotPending(LedgerError):
    """The hold was captured or voided before, or never was one."""


class LimitExceeded(LedgerError):
    """Above the account's limit for one payment, or for a day."""


class RefusedByDatabase(LedgerError):
    """A constraint without a name of ours refused the row."""
