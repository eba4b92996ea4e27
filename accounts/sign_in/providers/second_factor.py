"""Decides whether a second factor at the provider replaces a second factor here."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

# Session key with the id of the user whose second factor the provider has checked.
PROVED_KEY = "provider_second_factor"


def proved_at_provider(request: HttpRequest) -> bool:
    """Returns whether the provider has checked a second factor for this session, and the settings
    trust this check.
    """
    return request.session.get(PROVED_KEY) == str(request.user.pk)


def is_trusted(claims: dict[str, Any]) -> bool:
    """Returns whether the claim `amr` or `acr` contains a value of OIDC_SECOND_FACTOR."""
    provider = settings.LEDGER_PROVIDER
    trusted = provider.second_factor if provider else frozenset()
    ways = claims.get("amr")
    found = {way for way in ways if isinstance(way, str)} if isinstance(ways, list) else set()
    level = claims.get("acr")
    return not trusted.isdisjoint(found | ({level} if isinstance(level, str) else set()))
