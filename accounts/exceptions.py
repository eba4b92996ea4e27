"""Refusals. Each class is the refused fact; each instance carries a sentence for
the person who caused it, saying what happened and what to do."""

import re


def slug_of(name: str) -> str:
    """The name of a class as the API's types and the log have it: InsufficientFunds is
    "insufficient-funds".
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


class LedgerError(Exception):
    """A refusal: nothing has moved. `str(error)` is fit to show to the person.

    `field`: the field of a request that it is about; "" for none. `is_conflict`: what the person
    saw was changed, or used, meanwhile.
    """

    field = ""
    is_conflict = False


class AccountNotFound(LedgerError):
    """No account has that id or number, or none was named."""

    field = "from_account"


class AccountNotActive(LedgerError):
    """The account is frozen or closed, which does not allow this."""

    field = "from_account"


class AccountNotEmpty(LedgerError):
    """The account has a balance or holds, so it cannot be closed, or cannot be opened like this."""


class CurrencyUnknown(LedgerError):
    """No account can be opened in this currency: the bank does not have it, or has closed it."""


class OwnerNotActive(LedgerError):
    """The person's sign-in is closed, so nothing is opened or added for them."""


class SignInChanged(LedgerError):
    """The password, the address or the rights of the person were changed after they were read."""


class TooManyAccounts(LedgerError):
    """The person has as many accounts as they may open by themselves."""


class LimitInvalid(LedgerError):
    """A limit or overdraft that an account cannot have. `field` is its column; "" for none."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class NeedsApproval(LedgerError):
    """It is over the threshold of the day, or a group with rights by two, and nobody else has
    approved it.
    """


class ProviderDecides(LedgerError):
    """The identity provider gives this group to this person, or does not."""


class PersonErased(LedgerError):
    """The erasure of the person has begun, so their sign-in and their address stay as they are."""


class ServesOwn(LedgerError):
    """Staff would move money, or change limits or a status, of their own or of their household."""


class RequestDecided(LedgerError):
    """The request was decided, withdrawn or used before, or its time is over."""


class MayNotAsk(LedgerError):
    """This person may not do the action, so they may not ask for its approval."""


class AccessEnded(LedgerError):
    """The right to do this was taken away during the request; the rest is not booked."""


class SessionEnded(AccessEnded):
    """The session was ended or the sign-in was closed during the call; the line is not booked."""


class TokenEnded(AccessEnded):
    """The access token was revoked or expired during the call; the line is not booked."""


class MayNotDecide(LedgerError):
    """This person may not decide this request."""


class DetailsInvalid(LedgerError):
    """A name or number that an account cannot have."""


class LastWayIn(LedgerError):
    """Without this password or passkey nothing would sign the person in."""


class NoSecondFactor(LedgerError):
    """There is no passkey and no app for which recovery codes could stand in."""


class PasswordTooShort(LedgerError):
    """The password is too short to be all that protects the sign-in."""


class TokenInvalid(LedgerError):
    """An access token that this person cannot have. `field` is what is wrong; "" for none."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class TooManyTokens(LedgerError):
    """The person has as many access tokens that work as anybody may have."""
