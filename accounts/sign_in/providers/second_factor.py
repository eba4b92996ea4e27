"""Whether the provider's own second factor spares ours."""

from typing import Any

from allauth.mfa.stages import AuthenticateStage
from django.conf import settings


class SecondFactorStage(AuthenticateStage):  # type: ignore[misc]
    """Asks for the second factor after the password or the provider."""

    def handle(self) -> tuple[Any, bool]:
        login = (self.login.signal_kwargs or {}).get("sociallogin")
        if login is not None and is_trusted(getattr(login, "claims", {})):
            return None, True
        response, goes_on = super().handle()
        return response, goes_on


def is_trusted(claims: dict[str, Any]) -> bool:
    """Whether `amr` or `acr` has a value of the setting OIDC_SECOND_FACTOR."""
    provider = settings.LEDGER_PROVIDER
    trusted = provider.second_factor if provider else frozenset()
    ways = claims.get("amr")
    found = {way for way in ways if isinstance(way, str)} if isinstance(ways, list) else set()
    level = claims.get("acr")
    return not trusted.isdisjoint(found | ({level} if isinstance(level, str) else set()))
