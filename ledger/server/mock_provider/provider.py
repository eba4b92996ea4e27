"""The state and the responses of the mock provider, without HTTP."""

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

# Faults other than wrong tokens. They make the responses of other endpoints wrong.
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
    """An error for a request that the provider refuses. The message is an OAuth error code."""


@dataclass(frozen=True)
class Grant:
    """The data of a sign-in. The provider stores it when it issues a code, until the code is
    exchanged for tokens.
    """

    person: MockPerson
    redirect_uri: str
    challenge: str
    nonce: str
    fault: str
    signed_in_at: int


class MockProvider:
    """A mock provider with one client. `fault` is the fault of the next sign-ins, as a name in
    FAULTS ("": no fault).
    """

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
        # Maps a browser's cookie to the subject that is signed in there and the time of the
        # sign-in.
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
        """Replaces the signing key with a new key."""
        self.keys = [SigningKey()]

    def check_request(self, query: Parameters) -> None:
        """Raises MockRefusal if this is not a valid sign-in request of the client. A request that
        would redirect to another computer is not valid.
        """
        if query.get("client_id") != self.client_id or query.get("response_type") != "code":
            raise MockRefusal("unauthorized_client")
        if urlsplit(query.get("redirect_uri", "")).hostname not in LOOPBACK:
            raise MockRefusal("invalid_redirect_uri")
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            raise MockRefusal("invalid_request")
        if "openid" not in query.get("scope", "").split():
            raise MockRefusal("invalid_scope")

    def authorize(
        self, query: Parameters, subject: str, fault: str = "", signed_in_at: int | None = None
    ) -> str:
        """Returns the URL for the redirect of the browser, with a code for the sign-in.

        `signed_in_at` is in seconds since 1970 (None: now). Raises MockRefusal.
        """
        self.check_request(query)
        if subject not in self.people:
            raise MockRefusal("access_denied")
        code = secrets.token_urlsafe(24)
        with self._lock:
            self._codes[code] = Grant(
                person=self.people[subject],
                redirect_uri=query["redirect_uri"],
                challenge=query["code_challenge"],
                nonce=query.get("nonce", ""),
                fault=fault or self.fault,
                signed_in_at=int(time.time()) if signed_in_at is None else signed_in_at,
            )
        answer = {"code": code, "state": query.get("state", "")}
        if (fault or self.fault) == "another issuer answers":
            answer["iss"] = "https://another.example"
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: Parameters, client_id: str, client_secret: str) -> dict[str, Any]:
        """Returns the tokens for a code. A code can be used only once. Raises MockRefusal."""
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
        """Returns the claims about a person. Raises MockRefusal if the provider did not issue the
        token.
        """
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
