"""The provider that the settings name.

What its sign-in needs, with an HTTP client, is in `openid`, which is imported when somebody uses a
provider: most banks have none.
"""

import hashlib
from typing import Any

from django.conf import settings

from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.provider_settings import ProviderSettings

PROVIDER_ID = "oidc"  # in addresses, and in the table of connected providers
PROVE = "prove"  # beside allauth's "login" and "connect": see `proof`
ASKED_AT = "asked_at"


def is_configured() -> bool:
    """Whether there is a provider at all."""
    return settings.LEDGER_PROVIDER is not None


def configured() -> ProviderSettings:
    """The provider. Raises ProviderRefused without one."""
    if settings.LEDGER_PROVIDER is None:
        raise ProviderRefused("not_configured")
    return settings.LEDGER_PROVIDER


def uid_of(claims: dict[str, Any]) -> str:
    """Who it is: issuer and subject together, as a subject is unique only within its issuer. After
    a change of the issuer nobody inherits somebody else's account.
    """
    return hashlib.sha256(f"{claims['iss']} {claims['sub']}".encode()).hexdigest()
