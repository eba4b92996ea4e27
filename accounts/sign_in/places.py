"""Describes the place from which a request was sent. IP addresses are neither stored nor shown."""

import ipaddress
from functools import cache
from typing import TYPE_CHECKING, Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from maxminddb import Reader

HERE, PRIVATE, UNKNOWN = "this computer", "a private network", "an unknown place"


def words_for(request: HttpRequest) -> str:
    """Returns the place of the client as text: a town and country if the file LEDGER_PLACES
    contains the IP address.
    """
    try:
        return place_of(get_adapter(request).get_client_ip(request))
    except PermissionDenied:  # raised by allauth if the server passes no IP address
        return UNKNOWN


def place_of(address: str) -> str:
    """Returns the place of an IP address as text, or UNKNOWN."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return UNKNOWN
    if ip.is_loopback:
        return HERE
    if ip.is_private or ip.is_link_local:
        return PRIVATE
    return _looked_up(str(ip)) if settings.LEDGER_PLACES else UNKNOWN


def _looked_up(address: str) -> str:
    from maxminddb import InvalidDatabaseError

    try:
        found: Any = _database().get(address) or {}
    except (ValueError, OSError, InvalidDatabaseError):
        return UNKNOWN
    town, country = (
        found.get(part, {}).get("names", {}).get("en", "") for part in ("city", "country")
    )
    return ", ".join(filter(None, (town, country))) or UNKNOWN


@cache
def _database() -> "Reader":
    from maxminddb import open_database

    return open_database(settings.LEDGER_PLACES)
