"""Verifies an ID token: whose signature, from whom, for whom, for which sign-in, until when."""

import secrets
import threading
from typing import Any

import jwt

from accounts.sign_in.providers.discovery import TIMEOUT_SECONDS
from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.provider_settings import ProviderSettings

LEEWAY_SECONDS = 30  # between the provider's clock and ours
LONGEST_SUBJECT = 255  # of OpenID Connect
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidAudienceError: "wrong_audience",
    jwt.InvalidIssuerError: "wrong_issuer",
    jwt.InvalidSignatureError: "wrong_signature",
    jwt.InvalidAlgorithmError: "wrong_algorithm",
    jwt.MissingRequiredClaimError: "claim_missing",
    jwt.PyJWKClientError: "unknown_signer",
    jwt.PyJWKClientConnectionError: "unreachable",
}

_lock = threading.Lock()
_clients: dict[str, jwt.PyJWKClient] = {}


def verify(
    id_token: Any, *, provider: ProviderSettings, keys_url: str, nonce: str
) -> dict[str, Any]:
    """The claims of the token. Raises ProviderRefused unless everything is right.

    The algorithm is the one of the settings, whatever the token says, and always one of public
    keys: so neither `none` nor an HMAC with the public key as its secret passes.
    """
    if not isinstance(id_token, str):
        raise ProviderRefused("no_token")
    try:
        claims: dict[str, Any] = jwt.decode(
            id_token,
            _signing_key(id_token, provider.algorithm, keys_url),
            algorithms=[provider.algorithm],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED, "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise ProviderRefused(REASONS.get(type(error), "unreadable")) from error
    except ValueError as error:  # the key set is no JSON
        raise ProviderRefused("unreadable") from error
    _check_parties(claims, provider.client_id)
    _check_nonce(claims["nonce"], nonce)
    return claims


def _signing_key(id_token: str, algorithm: str, keys_url: str) -> Any:
    """The provider's public key that the token names. An unknown name has the keys fetched again,
    once, because providers rotate their keys.
    """
    header = jwt.get_unverified_header(id_token)
    if header.get("alg") != algorithm:
        raise ProviderRefused("wrong_algorithm")
    if not isinstance(header.get("kid"), str):
        raise ProviderRefused("unknown_signer")
    with _lock:
        client = _clients.setdefault(
            keys_url, jwt.PyJWKClient(keys_url, timeout=TIMEOUT_SECONDS, cooldown_duration=0)
        )
    return client.get_signing_key(header["kid"]).key


def _check_parties(claims: dict[str, Any], client_id: str) -> None:
    """`azp` names whom the token was issued to: us. A token for several must have it."""
    audience, party = claims["aud"], claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or (
        party not in (None, client_id)
    ):
        raise ProviderRefused("wrong_audience")
    # Cognito's access tokens have the same shape as its ID tokens.
    if claims.get("token_use", "id") != "id":
        raise ProviderRefused("no_token")
    subject = claims["sub"]  # a text, as PyJWT has checked
    if not 0 < len(subject) <= LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
        raise ProviderRefused("wrong_subject")


def _check_nonce(given: Any, sent: str) -> None:
    if not isinstance(given, str) or not sent:
        raise ProviderRefused("wrong_nonce")
    if not secrets.compare_digest(given.encode(), sent.encode()):
        raise ProviderRefused("wrong_nonce")
