"""The provider in the settings.

The code for its sign-in, with an HTTP client, is in `openid`, which is imported at the first
sign-in, because most banks have no provider.
"""

import hashlib
from typing import Any

from django.conf import settings

from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.provider_settings import ProviderSettings

PROVIDER_ID = "oidc"  # in URLs, and in the table of connected providers
PROVE = "prove"  # in addition to allauth's "login" and "connect": see `proof`
ASKED_AT = "asked_at"


def is_configured() -> bool:
    """Returns whether there is a provider."""
    return settings.LEDGER_PROVIDER is not None


def configured() -> ProviderSettings:
    """Returns the provider.

    Raises: ProviderRefused without a provider.
    """
    if settings.LEDGER_PROVIDER is None:
        raise ProviderRefused("not_configured")
    return settings.LEDGER_PROVIDER


def uid_of(claims: dict[str, Any]) -> str:
    """Returns an id from issuer and subject, because a subject is unique only within its issuer.
    After a change of the issuer, an account can therefore not match another person.
    """
    return hashlib.sha256(f"{claims['iss']} {claims['sub']}".encode()).hexdigest()
