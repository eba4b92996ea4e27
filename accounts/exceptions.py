"""Refusals. Each class is the refused fact; each instance carries a sentence for
the person who caused it, saying what happened and what to do."""


class LedgerError(Exception):
    """A refusal: nothing has moved. `str(error)` is fit to show to the person."""


class AccountNotFound(LedgerError):
    """No account has that id or number."""


class AccountNotActive(LedgerError):
    """The account is frozen or closed, and this needs it open."""


class AccountNotEmpty(LedgerError):
    """Closing needs a balance of zero and no holds."""


class CurrencyUnknown(LedgerError):
    """Not a currency this bank keeps accounts in."""


class OwnerNotActive(LedgerError):
    """The person was deleted, so no account can be opened for them."""


class LimitInvalid(LedgerError):
    """A limit or overdraft that an account cannot have."""


class DetailsInvalid(LedgerError):
    """A name or number that an account cannot have."""
