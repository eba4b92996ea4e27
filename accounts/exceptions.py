"""Refusals. The class is the refused fact; the message explains to the user what happened and
what to do.
"""

import re


def slug_of(name: str) -> str:
    """Returns the name of a class in the API's types and in the log: InsufficientFunds becomes
    "insufficient-funds".
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class LedgerError(Exception):
    """A refusal: no money has moved. `str(error)` is a message for the user.

    `field`: the request's field that the refusal is about, or "". `is_conflict`: whether what the
    user saw was changed or used in the meantime.
    """

    field = ""
    is_conflict = False


class AccountNotFound(LedgerError):
    """No account has this id or number, or the request contains neither."""

    field = "from_account"


class AccountNotActive(LedgerError):
    """The account is frozen or closed, which does not allow this."""

    field = "from_account"


class AccountNotEmpty(LedgerError):
    """The account has a balance or holds, so it cannot be closed, or cannot be opened like this."""


class CurrencyUnknown(LedgerError):
    """No account can be opened in this currency, because the bank does not have it or has closed
    it.
    """


class OwnerNotActive(LedgerError):
    """The person's sign-in is closed, so nothing can be opened or added for them."""


class SignInChanged(LedgerError):
    """The password, the address or the rights of the person have changed since they were read."""


class TooManyAccounts(LedgerError):
    """The person has as many accounts as customers may open themselves."""


class LimitInvalid(LedgerError):
    """An invalid limit or overdraft. `field` is its column, or ""."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NeedsApproval(LedgerError):
    """The action exceeds the threshold of the day, or adds a group with sensitive rights, and no
    other person has approved it.
    """


class ProviderDecides(LedgerError):
    """The identity provider decides whether this person is in this group."""


class PersonErased(LedgerError):
    """The erasure of the person has begun, so their sign-in and address can no longer change."""


class ServesOwn(LedgerError):
    """Staff cannot move money, or change limits or a status, for themselves or their household."""


class RequestDecided(LedgerError):
    """The request was decided, withdrawn or used before, or has expired."""


class MayNotAsk(LedgerError):
    """This person may not do the action, so they may not ask for its approval."""


class AccessEnded(LedgerError):
    """The user lost the right to do this during the request; the rest is not booked."""


class SessionEnded(AccessEnded):
    """The session or the sign-in was closed during the call; the line is not booked."""


class TokenEnded(AccessEnded):
    """The access token was revoked or expired during the call; the line is not booked."""


class MayNotDecide(LedgerError):
    """This person may not decide this request."""


class DetailsInvalid(LedgerError):
    """A name or number that an account cannot have."""


class LastWayIn(LedgerError):
    """Without this password or passkey, the person could no longer sign in."""


class NoSecondFactor(LedgerError):
    """The person has neither a passkey nor an app, so there is nothing that recovery codes could
    replace.
    """


class PasswordTooShort(LedgerError):
    """The password is too short to be the only protection of the sign-in."""


class TokenInvalid(LedgerError):
    """An invalid access token. `field` is the invalid field, or ""."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class TooManyTokens(LedgerError):
    """The person has the maximum number of valid access tokens."""
