"""The errors with which services refuse an action. There is one class for each reason. The message
of an error explains to the user what happened and what to do.
"""

import re


def slug_of(name: str) -> str:
    """Returns the name of a class as it appears in the API's types and in the log. For example,
    InsufficientFunds becomes "insufficient-funds".
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class LedgerError(Exception):
    """A refused action: no money has moved. `str(error)` is a message for the user. The first
    paragraph of a subclass's docstring appears on the page `/api/v1/problems/`.

    `field` is the field of the request that caused the refusal, or "". `is_conflict` is True if the
    data that the user saw was changed or used in the meantime.
    """

    field = ""
    is_conflict = False


class AccountNotFound(LedgerError):
    """No account has this id or number, or the request contains neither an id nor a number."""

    field = "from_account"


class AccountNotActive(LedgerError):
    """The account is frozen or closed, so this action is not possible."""

    field = "from_account"


class AccountNotEmpty(LedgerError):
    """The account has a balance or holds, so it cannot be closed.

    Imports also raise this error if an account that should be opened is not empty.
    """


class CurrencyUnknown(LedgerError):
    """No account can be opened in this currency, because the bank does not have the currency or has
    closed it for new accounts.
    """


class OwnerNotActive(LedgerError):
    """The person's sign-in is closed, so nothing can be opened or added for this person."""


class SignInChanged(LedgerError):
    """The password, the address or the rights of the person were changed in the meantime."""


class TooManyAccounts(LedgerError):
    """The user already has the maximum number of accounts that customers may open themselves."""


class LimitInvalid(LedgerError):
    """A limit or overdraft is invalid.

    `field` is the name of its column, or "".
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class NeedsApproval(LedgerError):
    """No other person has approved the action. An action needs approval if it exceeds the daily
    threshold, or if it adds a person to a group with sensitive rights.
    """


class ProviderDecides(LedgerError):
    """The identity provider decides whether this person is in this group, so staff cannot change
    it.
    """


class PersonErased(LedgerError):
    """The erasure of the person has begun, so the sign-in and the address of the person can no
    longer change.
    """


class ServesOwn(LedgerError):
    """Staff cannot move money, change limits or change a status for themselves or their
    household.
    """


class RequestDecided(LedgerError):
    """The request was decided, withdrawn or used before, or has expired."""


class MayNotAsk(LedgerError):
    """This person may not do the action, so they may not request an approval of this action."""


class AccessEnded(LedgerError):
    """The user lost the right to the action during the request. The rest of the request is not
    booked.
    """


class SessionEnded(AccessEnded):
    """The session ended, or the sign-in was closed, during the API call. The rest of the call is
    not booked.
    """


class TokenEnded(AccessEnded):
    """The access token was revoked or expired during the API call. The rest of the call is not
    booked.
    """


class MayNotDecide(LedgerError):
    """This person may not decide this request."""


class DetailsInvalid(LedgerError):
    """The name, number or another detail is not valid for this action."""


class LastWayIn(LedgerError):
    """Without this password or passkey, the user could no longer sign in."""


class NoSecondFactor(LedgerError):
    """The user has neither a passkey nor an authenticator app, so recovery codes would not replace
    anything.
    """


class PasswordTooShort(LedgerError):
    """The password is too short to be the only protection of the sign-in."""


class TokenInvalid(LedgerError):
    """The data of an access token is invalid.

    `field` is the name of the invalid field, or "".
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.field = field


class TooManyTokens(LedgerError):
    """The user already has the maximum number of valid access tokens."""
