"""The factors of a sign-in: password, passkeys, codes of an authenticator app, recovery codes.

A second factor is a passkey or an authenticator app. Recovery codes stand in for one that is lost.
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
    """A passkey. `signs_in_alone`: the device keeps it, so it needs no email and no password."""

    pk: int
    name: str
    added_at: datetime
    used_at: datetime | None
    signs_in_alone: bool


@dataclass(frozen=True, slots=True)
class Factors:
    """What protects a person's sign-in now. `recovery_codes` counts the unused ones."""

    has_password: bool
    passkeys: tuple[Passkey, ...]
    app: Authenticator | None
    recovery_codes: int | None
    has_provider: bool

    @property
    def has_second(self) -> bool:
        """Whether signing in takes more than a password."""
        return bool(self.passkeys or self.app)

    @property
    def signs_in_without_password(self) -> bool:
        """Whether the person could still sign in if the password were gone."""
        return any(passkey.signs_in_alone for passkey in self.passkeys)

    @property
    def stand_in(self) -> str:
        """What signs in, with a code from a mail, when every passkey is lost; empty if nothing."""
        app = "a code of your authenticator app" if self.app else ""
        codes = "a recovery code" if self.recovery_codes else ""
        return " or ".join(filter(None, (app, codes)))

    def signs_in_without(self, passkey: int) -> bool:
        """Whether the person could still sign in if the passkey with this id were gone."""
        return (
            self.has_password
            or self.has_provider
            or any(other.signs_in_alone for other in self.passkeys if other.pk != passkey)
        )


def factors_of(user: User) -> Factors:
    """The factors of a person, in one query, or two with a provider. Decrypts nothing."""
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
    """Whether the person has a passkey or an authenticator app."""
    return bool(Authenticator.objects.filter(user=user, type__in=SECOND_FACTORS).exists())


def signed_in_with_second_factor(request: HttpRequest) -> bool:
    """Whether this session has proved a second factor that its person still has.

    A passkey counts by itself, because it verifies its owner. A recovery code counts, as it stands
    in for a lost factor, and so does the second factor of a provider that OIDC_SECOND_FACTOR
    trusts. Possessing a factor without having used it in this session does not count.
    """
    if proved_at_provider(request):
        return True
    used = {record.get("id") for record in _factor_records(request)}
    if not used:
        return False
    kinds = dict(Authenticator.objects.filter(user=request.user.pk).values_list("pk", "type"))
    return not used.isdisjoint(kinds) and not set(kinds.values()).isdisjoint(SECOND_FACTORS)


def must_confirm_address(user: User) -> bool:
    """Whether the person has to confirm their address before they add a factor.

    Somebody may have signed up with another's address; a factor would keep its owner out for good.
    Staff got their addresses from the bank.
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
    """How many of the recovery codes are unused. Decrypts nothing."""
    return len(codes.data["codes"]) + len(codes.data.get("old_codes", ()))
