"""What the mock provider remembers and answers, apart from HTTP."""

import base64
import hashlib
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ledger.server.mock_provider.people import DEMO_PEOPLE, MockPerson
from ledger.server.mock_provider.tokens import (
    WRONG_CLAIMS,
    WRONG_SIGNATURES,
    SigningKey,
    claims_of,
    issue,
)

# Beside wrong tokens: answers of the other endpoints.
OTHER_FAULTS = (
    "no ID token",
    "claims in userinfo",
    "userinfo of another",
    "codes work twice",
    "no PKCE",
    "another issuer answers",
)
FAULTS = (*WRONG_CLAIMS, *WRONG_SIGNATURES, *OTHER_FAULTS)
LOOPBACK = ("127.0.0.1", "localhost", "::1", "testserver")
Parameters = Mapping[str, str]


class MockRefusal(Exception):
    """A request that the provider refuses, with OAuth's word for it."""


@dataclass(frozen=True)
class Grant:
    """What a code stands for."""

    person: MockPerson
    redirect_uri: str
    challenge: str
    nonce: str
    fault: str
    signed_in_at: int


class MockProvider:
    """One provider with one client. `fault` makes the next sign-ins wrong; see FAULTS."""

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client_secret: str,
        people: Iterable[MockPerson] = DEMO_PEOPLE,
    ) -> None:
        self.issuer, self.client_id, self.client_secret = issuer, client_id, client_secret
        self.people = {person.subject: person for person in people}
        self.fault = ""
        self.keys = [SigningKey()]
        # A browser's cookie -> the subject signed in there, and since when.
        self.sessions: dict[str, tuple[str, int]] = {}
        self.key_reads = 0
        self._codes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}
        self._lock = threading.Lock()

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/oauth2/authorize",
            "token_endpoint": f"{self.issuer}/oauth2/token",
            "userinfo_endpoint": f"{self.issuer}/oauth2/userInfo",
            "jwks_uri": f"{self.issuer}/.well-known/jwks.json",
            "end_session_endpoint": f"{self.issuer}/end-session",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    def key_set(self) -> dict[str, Any]:
        self.key_reads += 1
        return {"keys": [key.public_jwk() for key in self.keys]}

    def rotate_keys(self) -> None:
        """Signs with a new key from now on; the old one is gone."""
        self.keys = [SigningKey()]

    def check_request(self, asked: Parameters) -> None:
        """Raises MockRefusal unless this is a sign-in of our client, back to this machine."""
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code":
            raise MockRefusal("unauthorized_client")
        if urlsplit(asked.get("redirect_uri", "")).hostname not in LOOPBACK:
            raise MockRefusal("invalid_redirect_uri")
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            raise MockRefusal("invalid_request")
        if "openid" not in asked.get("scope", "").split():
            raise MockRefusal("invalid_scope")

    def authorize(
        self, asked: Parameters, subject: str, fault: str = "", signed_in_at: int | None = None
    ) -> str:
        """The address with a code to send the browser to; signed in now, unless it says when.
        Raises MockRefusal.
        """
        self.check_request(asked)
        if subject not in self.people:
            raise MockRefusal("access_denied")
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = Grant(
                person=self.people[subject],
                redirect_uri=asked["redirect_uri"],
                challenge=asked["code_challenge"],
                nonce=asked.get("nonce", ""),
                fault=fault or self.fault,
                signed_in_at=int(time.time()) if signed_in_at is None else signed_in_at,
            )
        answer = {"code": code, "state": asked.get("state", "")}
        if (fault or self.fault) == "another issuer answers":
            answer["iss"] = "https://another.example"
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: Parameters, client_id: str, client_secret: str) -> dict[str, Any]:
        """The tokens for a code, once. Raises MockRefusal."""
        known = (self.client_id, self.client_secret)
        if (client_id, client_secret) != known or form.get("grant_type") != "authorization_code":
            raise MockRefusal("invalid_client")
        code = form.get("code", "")
        with self._lock:
            grant = self._codes.get(code)
            if grant and grant.fault != "codes work twice":
                del self._codes[code]
        if grant is None or grant.redirect_uri != form.get("redirect_uri"):
            raise MockRefusal("invalid_grant")
        proved = _challenge(form.get("code_verifier", "")) == grant.challenge
        if not proved and grant.fault != "no PKCE":
            raise MockRefusal("invalid_grant")
        access_token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[access_token] = grant
        answer = {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600}
        return answer if grant.fault == "no ID token" else {**answer, **self._id_token(grant)}

    def userinfo(self, access_token: str) -> dict[str, Any]:
        """Raises MockRefusal for a token that the provider did not give out."""
        grant = self._tokens.get(access_token)
        if grant is None:
            raise MockRefusal("invalid_token")
        about = grant.person.claims()
        return {**about, "sub": "somebody-else"} if grant.fault == "userinfo of another" else about

    def _id_token(self, grant: Grant) -> dict[str, str]:
        about = {**grant.person.claims(), "amr": list(grant.person.factors)}
        if grant.fault in ("claims in userinfo", "userinfo of another"):
            about = {"sub": grant.person.subject}
        claims = claims_of(
            issuer=self.issuer,
            client_id=self.client_id,
            nonce=grant.nonce,
            signed_in_at=grant.signed_in_at,
            about=about,
        )
        return {"id_token": issue(self.keys[-1], claims, grant.fault)}


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
