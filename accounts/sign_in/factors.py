"""The factors of a sign-in: password, passkeys, codes of an authenticator app, recovery codes.

A second factor is a passkey or an authenticator app. A recovery code replaces a lost factor.
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
    """A passkey of a user. If `is_passwordless`, the device stores the passkey, so the user can
    sign in without entering an email address or password.
    """

    pk: int
    name: str
    added_at: datetime
    used_at: datetime | None
    is_passwordless: bool


@dataclass(frozen=True, slots=True)
class Factors:
    """The factors that currently protect a user's sign-in. `recovery_codes` is the number of unused
    codes, or None if the user has no recovery codes.
    """

    has_password: bool
    passkeys: tuple[Passkey, ...]
    app: Authenticator | None
    recovery_codes: int | None
    has_provider: bool

    @property
    def has_second(self) -> bool:
        """Whether the user has a second factor."""
        return bool(self.passkeys or self.app)

    @property
    def signs_in_without_password(self) -> bool:
        """Whether one of the passkeys replaces the password."""
        return any(passkey.is_passwordless for passkey in self.passkeys)

    @property
    def stand_in(self) -> str:
        """A text with the factors that a user without passkeys can use together with a mailed code:
        a code of an app, a recovery code, or both. The text is "" if the user has none of these
        factors.
        """
        app = "a code of your authenticator app" if self.app else ""
        codes = "a recovery code" if self.recovery_codes else ""
        return " or ".join(filter(None, (app, codes)))

    def signs_in_without(self, passkey: int) -> bool:
        """Returns whether the user can still sign in without the passkey that has the id
        `passkey`.
        """
        return (
            self.has_password
            or self.has_provider
            or any(other.is_passwordless for other in self.passkeys if other.pk != passkey)
        )


def factors_of(user: User) -> Factors:
    """Returns the factors of a user. Makes one query, or two if a provider is configured. Does not
    decrypt secrets.
    """
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
    """Returns whether the user has used a second factor in this session. A factor that was removed
    in the meantime does not count. A factor that the provider has checked always counts.

    A passkey is enough, because it verifies its owner. A recovery code is enough, because it
    replaces a lost factor. A second factor at the provider is enough if OIDC_SECOND_FACTOR trusts
    it.
    """
    if proved_at_provider(request):
        return True
    used = {record.get("id") for record in _factor_records(request)}
    if not used:
        return False
    kinds = dict(Authenticator.objects.filter(user=request.user.pk).values_list("pk", "type"))
    return not used.isdisjoint(kinds) and not set(kinds.values()).isdisjoint(SECOND_FACTORS)


def must_confirm_address(user: User) -> bool:
    """Returns whether the user must confirm their address before adding a factor.

    A stranger may have signed up with the address, and the stranger's factor would lock out the
    owner of the address. The bank assigned the addresses of staff, so staff need not confirm them.
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
    """Returns the number of unused recovery codes. Does not decrypt secrets."""
    return len(codes.data["codes"]) + len(codes.data.get("old_codes", ()))
