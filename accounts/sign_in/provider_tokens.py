"""Access tokens of the identity provider, which programs send to the API: OAuth 2 (RFC 6750, 9068).

A token belongs to the user who connected the provider at a sign-in here. It cannot create users,
connect a provider or change groups. It may do what both its scopes and the user's rights allow: see
Note [Rights by token].
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
from ledger.provider_settings import ProviderSettings

JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]
OLDEST_SECONDS = 24 * 60 * 60  # maximum age, because tokens cannot be revoked here
KEYS_WAIT = 30  # seconds between reads of the keys after an unknown id
TYPES = ("jwt", "at+jwt", "application/at+jwt")
# Values of claims that distinguish access tokens of Cognito and Keycloak from other tokens.
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
        "This needs a second factor. Sign in with one at the identity provider, and ask it for a"
        " new token."
    ),
    "unavailable": "The identity provider does not answer at the moment. Send it again.",
}


class ProviderTokenRefused(TokenRefused):
    """A token of the provider that was refused. `reason` is one word for the security log."""

    kind = "provider_token"

    def __init__(self, code: Problem, reason: str = "", person: User | None = None) -> None:
        super().__init__(code, message=MESSAGES[code])
        self.reason, self.person = reason or code, person
        if code == "second_factor":
            self.challenge = "insufficient_user_authentication"  # RFC 9470


@dataclass(frozen=True, slots=True)
class ProviderToken:
    """A verified access token: its user, and which of our scopes it has.

    It may pay others per day what the user may pay without reauthentication, because it cannot
    reauthenticate.
    """

    user: User
    scopes: tuple[str, ...]
    pk: str  # the subject at the provider, for all its tokens
    limits_payments = True
    per_payment: Decimal | None = None
    currency = ""

    def allows(self, scope: str) -> bool:
        """Returns whether the token has this scope and its user has the rights that the scope
        needs.
        """
        return scope in self.scopes and self.user.may_have_scope(scope)

    def per_day_in(self, currency: str) -> Decimal | None:
        """Returns the maximum that it may pay in a day in this currency."""
        return step_up.limit_in(currency)


def is_one(text: str) -> bool:
    """Returns whether a text may be a token of the provider, and such tokens are accepted here."""
    provider = settings.LEDGER_PROVIDER
    return bool(provider and provider.api_audience and JWT.fullmatch(text))


def read(text: str) -> ProviderToken:
    """Returns the token with this text. One query, for the user.

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
    """Raises ProviderRefused for a token that is not for programs, or not for this program."""
    if any(claims.get(name, kind) != kind for name, kind in KINDS.items()):
        raise ProviderRefused("no_access_token")
    if "cnf" in claims:  # bound to a key, which the sender would have to prove
        raise ProviderRefused("bound_elsewhere")
    if int(claims["iat"]) < time.time() - OLDEST_SECONDS - LEEWAY_SECONDS:
        raise ProviderRefused("expired")
    party = claims.get("azp", claims.get("client_id"))
    if provider.api_clients and (not isinstance(party, str) or party not in provider.api_clients):
        raise ProviderRefused("wrong_client")


def _person_of(uid: str) -> User:
    """Returns the user who has connected this subject, like a sign-in."""
    connected = SocialAccount.objects.select_related("user")
    found = connected.filter(provider=PROVIDER_ID, uid=uid).first()
    if found is None:
        raise ProviderTokenRefused("unknown")
    person: User = found.user
    if not person.is_active:
        raise ProviderTokenRefused("closed", person=person)
    return person


def _scopes(claims: dict[str, Any], provider: ProviderSettings) -> list[str]:
    """Returns the token's scopes that we know. `scope` is a text with spaces; `scp` is a text or a
    list.
    """
    given: set[str] = set()
    for name in ("scope", "scp"):
        value = claims.get(name)
        words = value.split() if isinstance(value, str) else value
        if isinstance(words, list):
            given |= {word for word in words if isinstance(word, str)}
    ours = {provider.api_scopes.get(word) for word in given}
    return [scope for scope in SCOPES if scope in ours]
