"""Verifies access tokens of the identity provider, which programs may send to the API instead of a
token of Ledger: OAuth 2 (RFC 6750, 9068).

A token belongs to the user who has connected the provider at a sign-in here. A token cannot create
users, connect a provider or change groups. A token may do only what both its scopes and the user's
rights allow: see Note [Rights by token].
"""

import re
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings

from accounts.models import User
from accounts.models.token_rights import SCOPES
from accounts.sign_in import step_up
from accounts.sign_in.providers.current import PROVIDER_ID, configured, uid_of
from accounts.sign_in.providers.discovery import endpoint
from accounts.sign_in.providers.id_token import (
    LEEWAY_SECONDS,
    header_of,
    key_id,
    verified_claims,
)
from accounts.sign_in.providers.keys import signing_key
from accounts.sign_in.providers.refusals import ProviderRefused
from accounts.sign_in.providers.second_factor import is_trusted
from accounts.sign_in.tokens import Problem, TokenRefused, needs_second_factor
from ledger.settings.provider import ProviderSettings

JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
OLDEST_SECONDS = 24 * 60 * 60  # the maximum age of a token, because we cannot revoke it
KEYS_WAIT = 30  # seconds between two reads of the keys after an unknown key id
TYPES = ("jwt", "at+jwt", "application/at+jwt")
# Values of claims by which Cognito and Keycloak mark access tokens among their tokens.
KINDS = {"token_use": "access", "typ": "Bearer"}
MESSAGES: dict[Problem, str] = {
    "invalid": "This access token of the identity provider is not accepted.",
    "expired": "This access token has expired. Ask the identity provider for a new one.",
    "unknown": (
        "No user here has connected the account of this token. Sign in here through the"
        " identity provider first."
    ),
    "closed": "The sign-in of this token's user is closed.",
    "second_factor": (
        "This needs a second factor. Sign in with a second factor at the identity provider, "
        "and ask it for a new token."
    ),
    "unavailable": "The identity provider does not answer at the moment. Send the request again.",
}


class ProviderTokenRefused(TokenRefused):
    """An error for a refused token of the provider. `reason` is one word for the security log."""

    kind = "provider_token"

    def __init__(self, code: Problem, reason: str = "", person: User | None = None) -> None:
        super().__init__(code, message=MESSAGES[code])
        self.reason, self.person = reason or code, person
        if code == "second_factor":
            self.challenge = "insufficient_user_authentication"  # RFC 9470


@dataclass(frozen=True, slots=True)
class ProviderToken:
    """A verified access token of the provider, with its user and the scopes that Ledger knows.

    A program cannot reauthenticate. So its payments to others in a day are limited to the amount
    that the user may pay without reauthentication.
    """

    user: User
    scopes: tuple[str, ...]
    pk: str  # the user's subject at the provider
    limits_payments = True
    per_payment: Decimal | None = None
    currency = ""

    def allows(self, scope: str) -> bool:
        """Returns whether the token has this scope, and its user still has the rights for this
        scope.
        """
        return scope in self.scopes and self.user.may_have_scope(scope)

    def per_day_in(self, currency: str) -> Decimal | None:
        """Returns the maximum amount in this currency that the token may pay to others in a day."""
        return step_up.limit_in(currency)


def is_one(text: str) -> bool:
    """Returns whether this text may be a token of the provider. Returns False if Ledger is not
    configured to accept such tokens.
    """
    provider = settings.LEDGER_PROVIDER
    return bool(provider and provider.api_audience and JWT.fullmatch(text))


def read(text: str) -> ProviderToken:
    """Returns the verified token with this text. Makes one query, which loads the user.

    Raises: TokenRefused.
    """
    provider = configured()
    key = _key_of(text, provider)
    try:
        claims = verified_claims(
            text, key, provider=provider, audience=provider.api_audience, required=REQUIRED
        )
        _check_kind(claims, provider)
    except ProviderRefused as refusal:
        code: Problem = "expired" if refusal.reason == "expired" else "invalid"
        raise ProviderTokenRefused(code, refusal.reason) from refusal
    uid = uid_of(claims)
    person = _person_of(uid)
    scopes = tuple(name for name in _scopes(claims, provider) if person.may_have_scope(name))
    if needs_second_factor(scopes) and not is_trusted(claims):
        raise ProviderTokenRefused("second_factor", person=person)
    return ProviderToken(person, scopes, uid)


def _key_of(text: str, provider: ProviderSettings) -> Any:
    try:
        kind = str(header_of(text).get("typ", "jwt")).lower()
        kid = key_id(text, provider.algorithm)
    except ProviderRefused as refusal:
        raise ProviderTokenRefused("invalid", refusal.reason) from refusal
    if kind not in TYPES:
        raise ProviderTokenRefused("invalid", "no_access_token")
    try:
        keys_url = endpoint(provider.issuer, "jwks_uri")
        return signing_key(keys_url, kid, provider.algorithm, wait=KEYS_WAIT)
    except ProviderRefused as refusal:
        code: Problem = "invalid" if refusal.reason == "unknown_signer" else "unavailable"
        raise ProviderTokenRefused(code, refusal.reason) from refusal


def _check_kind(claims: dict[str, Any], provider: ProviderSettings) -> None:
    """Raises ProviderRefused if the token is not an access token, or was not issued for one of the
    accepted clients.
    """
    if any(claims.get(name, kind) != kind for name, kind in KINDS.items()):
        raise ProviderRefused("no_access_token")
    if "cnf" in claims:  # valid only from a sender that proves to have a key
        raise ProviderRefused("bound_elsewhere")
    if int(claims["iat"]) < time.time() - OLDEST_SECONDS - LEEWAY_SECONDS:
        raise ProviderRefused("expired")
    party = claims.get("azp", claims.get("client_id"))
    if provider.api_clients and (not isinstance(party, str) or party not in provider.api_clients):
        raise ProviderRefused("wrong_client")


def _person_of(uid: str) -> User:
    """Returns the user who has connected the provider account `uid` in order to sign in.

    Raises: ProviderTokenRefused if no user is connected to this account, or if the sign-in of the
    user is closed.
    """
    connected = SocialAccount.objects.select_related("user")
    found = connected.filter(provider=PROVIDER_ID, uid=uid).first()
    if found is None:
        raise ProviderTokenRefused("unknown")
    person: User = found.user
    if not person.is_active:
        raise ProviderTokenRefused("closed", person=person)
    return person


def _scopes(claims: dict[str, Any], provider: ProviderSettings) -> list[str]:
    """Returns the scopes of the token that Ledger knows, with Ledger's names. The claim `scope` is
    a text with spaces. The claim `scp` is a text or a list.
    """
    given: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        words = value.split() if isinstance(value, str) else value
        if isinstance(words, list):
            given |= {word for word in words if isinstance(word, str)}
    ours = {provider.api_scopes.get(word) for word in given}
    return [scope for scope in SCOPES if scope in ours]
