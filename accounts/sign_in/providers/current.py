"""The provider in the settings.

Most banks have no provider. Therefore the code that signs a user in at the provider is in the
module `openid`, which imports an HTTP client. This module is imported only at the first sign-in.
"""

import hashlib
from typing import Any

from django.conf import settings

from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.settings.provider import ProviderSettings

PROVIDER_ID = "oidc"  # in URLs, and in the table of connected providers
PROVE = "prove"  # in addition to allauth's processes "login" and "connect": see `proof`
ASKED_AT = "asked_at"


def is_configured() -> bool:
    """Returns whether the settings contain a provider."""
    return settings.LEDGER_PROVIDER is not None


def configured() -> ProviderSettings:
    """Returns the provider in the settings.

    Raises: ProviderRefused if there is no provider.
    """
    if settings.LEDGER_PROVIDER is None:
        raise ProviderRefused("not_configured")
    return settings.LEDGER_PROVIDER


def uid_of(claims: dict[str, Any]) -> str:
    """Returns an id that is made from the issuer and the subject. A subject is unique only within
    its issuer, so another issuer may use it for another person.
    """
    return hashlib.sha256(f"{claims['iss']} {claims['sub']}".encode()).hexdigest()
