"""The provider that the settings name."""

from django.conf import settings

from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.provider_settings import ProviderSettings


def is_configured() -> bool:
    """Whether there is a provider at all."""
    return settings.LEDGER_PROVIDER is not None


def configured() -> ProviderSettings:
    """The provider. Raises ProviderRefused without one."""
    if settings.LEDGER_PROVIDER is None:
        raise ProviderRefused("not_configured")
    return settings.LEDGER_PROVIDER
