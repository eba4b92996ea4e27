"""Verifies an ID token: signature, issuer, audience, nonce and times."""

import secrets
from typing import Any

from accounts.sign_in.providers.keys import signing_key
from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.settings.provider import ProviderSettings

LEEWAY_SECONDS = 30  # the accepted difference between the provider's clock and ours
LONGEST_SUBJECT = 255  # characters, by the standard of OpenID Connect
REQUIRED = ["iss", "sub", "aud", "exp", "iat", "nonce"]
REASONS = {  # by the name of PyJWT's error class, because PyJWT is imported later
    "ExpiredSignatureError": "expired",
    "ImmatureSignatureError": "not_yet_valid",
    "InvalidAudienceError": "wrong_audience",
    "InvalidIssuerError": "wrong_issuer",
    "InvalidSignatureError": "wrong_signature",
    "InvalidAlgorithmError": "wrong_algorithm",
    "MissingRequiredClaimError": "claim_missing",
}


def verify(
    id_token: Any, *, provider: ProviderSettings, keys_url: str, nonce: str
) -> dict[str, Any]:
    """Returns the verified claims of an ID token.

    Raises: ProviderRefused if one of the checks fails.
    """
    if not isinstance(id_token, str):
        raise ProviderRefused("no_token")
    kid = key_id(id_token, provider.algorithm)
    key = signing_key(keys_url, kid, provider.algorithm)
    claims = verified_claims(
        id_token, key, provider=provider, audience=provider.client_id, required=REQUIRED
    )
    _check_parties(claims, provider.client_id)
    _check_nonce(claims["nonce"], nonce)
    return claims


def key_id(token: str, algorithm: str) -> str:
    """Returns the id of the key with which the token is signed.

    The algorithm must be the algorithm in the settings, which uses public keys. So neither `none`
    nor an HMAC with the public key as its secret is accepted. No other part of the header is read,
    so a token cannot contain its own key or the URL of a key.

    Raises: ProviderRefused if the algorithm is wrong or the key id is missing.
    """
    header = header_of(token)
    if header.get("alg") != algorithm:
        raise ProviderRefused("wrong_algorithm")
    if not isinstance(header.get("kid"), str):
        raise ProviderRefused("unknown_signer")
    return str(header["kid"])


def header_of(token: str) -> dict[str, Any]:
    """Returns the header of a token without verifying it.

    Raises: ProviderRefused if the header cannot be read.
    """
    import jwt

    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise ProviderRefused("unreadable") from error
    return header


def verified_claims(
    token: str, key: Any, *, provider: ProviderSettings, audience: str, required: list[str]
) -> dict[str, Any]:
    """Returns the claims of a token, after verifying the signature with this key, the audience and
    the times.

    Raises: ProviderRefused if one of the checks fails.
    """
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[provider.algorithm],
            audience=audience,
            issuer=provider.issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": required, "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise ProviderRefused(REASONS.get(type(error).__name__, "unreadable")) from error
    subject = claims["sub"]  # always a text, because PyJWT has checked this
    if not 0 < len(subject) <= LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
        raise ProviderRefused("wrong_subject")
    return claims


def _check_parties(claims: dict[str, Any], client_id: str) -> None:
    """Checks the claim `azp`, the client to which the token was issued. A token for several clients
    must contain the claim.
    """
    audience, party = claims["aud"], claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or (
        party not in (None, client_id)
    ):
        raise ProviderRefused("wrong_audience")
    # Access tokens of Cognito have the same format as its ID tokens.
    if claims.get("token_use", "id") != "id":
        raise ProviderRefused("no_token")


def _check_nonce(given: Any, sent: str) -> None:
    if not isinstance(given, str) or not sent:
        raise ProviderRefused("wrong_nonce")
    if not secrets.compare_digest(given.encode(), sent.encode()):
        raise ProviderRefused("wrong_nonce")
