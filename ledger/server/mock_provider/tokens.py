"""Creates the ID tokens of the mock provider, either correct or with a fault that a test has
chosen.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

LIFETIME_SECONDS = 3600
HOUR = 3600
Claims = dict[str, Any]


class SigningKey:
    """An RSA key with an id. A token contains the id of its signing key."""

    def __init__(self) -> None:
        self.kid = uuid.uuid4().hex
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_jwk(self) -> dict[str, Any]:
        """Returns the public key in the form of the provider's key set (JWK)."""
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**public, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, claims: Claims, *, kid: str | None = None) -> str:
        return jwt.encode(claims, self.private, "RS256", headers={"kid": kid or self.kid})


def claims_of(
    *, issuer: str, client_id: str, nonce: str, signed_in_at: int, about: Claims
) -> Claims:
    """Returns the claims of a correct ID token. `signed_in_at` is in seconds since 1970."""
    now = int(time.time())
    times = {"iat": now, "auth_time": signed_in_at, "exp": now + LIFETIME_SECONDS}
    return {"iss": issuer, "aud": client_id, "nonce": nonce, "token_use": "id", **times, **about}


def _without(claims: Claims, name: str) -> Claims:
    return {key: value for key, value in claims.items() if key != name}


def _hmac_signed(key: SigningKey, claims: Claims) -> str:
    """Returns a token that is signed with HMAC and the public key as the secret. PyJWT refuses to
    create such a token.
    """
    head = _encoded(json.dumps({"alg": "HS256", "typ": "JWT", "kid": key.kid}).encode())
    signed = f"{head}.{_encoded(json.dumps(claims).encode())}"
    digest = hmac.new(key.public_pem(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_encoded(digest)}"


def _changed(token: str) -> str:
    """Returns the token with a different subject and the old signature."""
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return f"{head}.{_encoded(json.dumps({**claims, 'sub': 'somebody-else'}).encode())}.{signature}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


# Functions that make the claims of a token wrong. The keys are the names of the faults.
WRONG_CLAIMS: dict[str, Callable[[Claims], Claims]] = {
    "wrong audience": lambda claims: {**claims, "aud": "another-client"},
    "two audiences": lambda claims: {**claims, "aud": [claims["aud"], "another-client"]},
    "another party": lambda claims: {**claims, "azp": "another-client"},
    "wrong issuer": lambda claims: {**claims, "iss": claims["iss"] + "/"},
    "wrong nonce": lambda claims: {**claims, "nonce": "another-sign-in"},
    "missing nonce": lambda claims: _without(claims, "nonce"),
    "expired": lambda claims: {**claims, "iat": claims["iat"] - HOUR, "exp": claims["iat"] - 60},
    "no expiry": lambda claims: _without(claims, "exp"),
    "not yet valid": lambda claims: {**claims, "nbf": claims["iat"] + HOUR},
    "issued tomorrow": lambda claims: {**claims, "iat": claims["iat"] + 24 * HOUR},
    "no subject": lambda claims: {**claims, "sub": ""},
    "no sign-in time": lambda claims: _without(claims, "auth_time"),
    "access token": lambda claims: {**claims, "token_use": "access"},
}
# Functions that sign a token in a wrong way. The keys are the names of the faults.
WRONG_SIGNATURES: dict[str, Callable[[SigningKey, Claims], str]] = {
    "alg none": lambda key, claims: jwt.encode(claims, "", "none", headers={"kid": key.kid}),
    "HS256 with the public key": _hmac_signed,
    "another's key": lambda key, claims: SigningKey().sign(claims, kid=key.kid),
    "unknown key": lambda _key, claims: SigningKey().sign(claims),
    "changed afterwards": lambda key, claims: _changed(key.sign(claims)),
}


def issue(key: SigningKey, claims: Claims, fault: str = "") -> str:
    """Returns a signed ID token. `fault` is the name of the token's fault, or ""."""
    if change := WRONG_CLAIMS.get(fault):
        claims = change(claims)
    if sign := WRONG_SIGNATURES.get(fault):
        return sign(key, claims)
    return key.sign(claims)
