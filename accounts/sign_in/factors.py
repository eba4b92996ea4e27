"""The factors of a sign-in: password, passkeys, codes of an authenticator app, recovery codes.

A second factor is a passkey or an authenticator app. Recovery codes replace a lost factor.
"""

from dataclasses import dataclass
from datetime import datetime

from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.http import HttpRequest

from accounts.models import User
from accounts.sign_in.providers.current import is_configured
from accounts.sign_in.providers.second_factor import proved_at_provider

Kind = Authenticator.Type
SECOND_FACTORS = (Kind.TOTP, Kind.WEBAUTHN)


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey. `is_passwordless`: the device stores it, so no email or password is needed."""

    pk: int
    name: str
    added_at: datetime
    used_at: datetime | None
    is_passwordless: bool


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors that protect a user's sign-in now. `recovery_codes` counts the unused codes."""

    has_password: bool
    passkeys: tuple[Passkey, ...]
    app: Authenticator | None
    recovery_codes: int | None
    has_provider: bool

    @property
    def has_second(self) -> bool:
        """Whether signing in requires more than a password."""
        return bool(self.passkeys or self.app)

    @property
    def signs_in_without_password(self) -> bool:
        """Whether the user could still sign in without the password."""
        return any(passkey.is_passwordless for passkey in self.passkeys)

    @property
    def stand_in(self) -> str:
        """What the user can sign in with, together with a mailed code, if every passkey is lost; or
        "".
        """
        app = "a code of your authenticator app" if self.app else ""
        codes = "a recovery code" if self.recovery_codes else ""
        return " or ".join(filter(None, (app, codes)))

    def signs_in_without(self, passkey: int) -> bool:
        """Returns whether the user could still sign in without the passkey with this id."""
        return (
            self.has_password
            or self.has_provider
            or any(other.is_passwordless for other in self.passkeys if other.pk != passkey)
        )


def factors_of(user: User) -> Factors:
    """Returns the factors of a user, in one query, or two with a provider. Decrypts nothing."""
    rows = list(Authenticator.objects.filter(user=user).order_by("created_at", "pk"))
    by_kind = {row.type: row for row in rows if row.type != Kind.WEBAUTHN}
    codes = by_kind.get(Kind.RECOVERY_CODES)
    return Factors(
        has_password=user.has_usable_password(),
        passkeys=tuple(_passkey(row) for row in rows if row.type == Kind.WEBAUTHN),
        app=by_kind.get(Kind.TOTP),
        recovery_codes=recovery_codes_left(codes) if codes else None,
        has_provider=is_configured() and SocialAccount.objects.filter(user=user).exists(),
    )


def has_second_factor(user: User) -> bool:
    """Returns whether the user has a passkey or an authenticator app."""
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists())


def signed_in_with_second_factor(request: HttpRequest) -> bool:
    """Returns whether this session has proved a second factor that its user still has.

    A passkey is enough, because it verifies its owner. A recovery code is enough, because it
    replaces a lost factor. The provider's second factor is enough if OIDC_SECOND_FACTOR trusts it.
    A factor that was not used in this session is not enough.
    """
    if proved_at_provider(request):
        return True
    used = {record.get("id") for record in _factor_records(request)}
    if not used:
        return False
    kinds = dict(Authenticator.objects.filter(user=request.user.pk).values_list("pk", "type"))
    return not used.isdisjoint(kinds) and not set(kinds.values()).isdisjoint(SECOND_FACTORS)


def must_confirm_address(user: User) -> bool:
    """Returns whether the user has to confirm their address before they add a factor.

    A stranger may have signed up with the address, and a factor would permanently keep its owner
    out. The bank assigned the addresses of staff.
    """
    unconfirmed = EmailAddress.objects.filter(user=user, email=user.email, verified=False)
    return not user.is_staff and bool(unconfirmed.exists())


def _factor_records(request: HttpRequest) -> list[dict[str, object]]:
    records = get_authentication_records(request, request.user)
    return [record for record in records if record.get("method") == "mfa"]


def _passkey(row: Authenticator) -> Passkey:
    found = row.wrap()
    return Passkey(
        row.pk, found.name, row.created_at, row.last_used_at, bool(found.is_passwordless)
    )


def recovery_codes_left(codes: Authenticator) -> int:
    """Returns how many of the recovery codes are unused. Decrypts nothing."""
    return len(codes.data["codes"]) + len(codes.data.get("old_codes", ()))
