"""Access tokens of the mock provider, and API calls with them."""

import time
from typing import Any

import jwt
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from accounts.models import User
from accounts.sign_in.providers.current import PROVIDER_ID, uid_of
from ledger.server.mock_provider.tokens import Claims
from tests.api.calls import ACCOUNTS
from tests.identity_provider import There

AUDIENCE = "https://api.bank.example"
SUBJECT = "sub-ana"


def accepts_tokens(there: There, **changes: Any) -> None:
    """Configures the API to accept the provider's access tokens, with the same scope names as this
    site.
    """
    scopes = {name: name for name in ("read", "pay", "staff", "report")}
    there.configure(**{"api_audience": AUDIENCE, "api_scopes": scopes, **changes})


def connect_row(there: There, person: User, subject: str = SUBJECT) -> SocialAccount:
    """Returns a connection of a person to a subject, as a sign-in creates it."""
    uid = uid_of({"iss": there.provider.issuer, "sub": subject})
    row: SocialAccount = SocialAccount.objects.create(user=person, provider=PROVIDER_ID, uid=uid)
    return row


def claims_for(there: There, *scopes: str, **changes: Any) -> Claims:
    """Returns the claims of a valid access token. A change to None removes a claim."""
    now = int(time.time())
    claims = {
        "iss": there.provider.issuer, "sub": SUBJECT, "aud": AUDIENCE, "client_id": "budget-app",
        "iat": now, "exp": now + 600, "scope": " ".join(scopes),
    } | changes  # fmt: skip
    return {name: value for name, value in claims.items() if value is not None}


def signed(there: There, claims: Claims, **header: Any) -> str:
    """Returns the token with the provider's signature. `header` adds values to the algorithm and
    the key id.
    """
    key = there.provider.keys[-1]
    names = {"kid": key.kid, "typ": "at+jwt"} | header
    return jwt.encode(claims, key.private, "RS256", headers=names)


def token(there: There, *scopes: str, **changes: Any) -> str:
    return signed(there, claims_for(there, *scopes, **changes))


def get(text: str, address: str = ACCOUNTS, client: Client | None = None) -> Any:
    return (client or Client()).get(address, headers={"Authorization": f"Bearer {text}"})
