"""The provider's discovery document with its endpoints. Each process caches the document for five
minutes.
"""

import threading
import time
from typing import Any

from accounts.sign_in.providers.refusals import ProviderRefused
from ledger.settings.provider import is_loopback

WELL_KNOWN = "/.well-known/openid-configuration"
KEPT_SECONDS = 300
# How long a failure is cached, so that further visitors do not wait for the timeout
FAILED_SECONDS = 5
TIMEOUT_SECONDS = 5

_lock = threading.Lock()
_kept: dict[str, tuple[float, dict[str, Any]]] = {}
_failed: dict[str, tuple[float, ProviderRefused]] = {}


def discover(issuer: str) -> dict[str, Any]:
    """Returns the discovery document of this issuer.

    Raises: ProviderRefused if the document cannot be read, belongs to another issuer, or contains
    an endpoint without HTTPS.
    """
    with _lock:
        read_at, document = _kept.get(issuer, (0.0, {}))
        failed_at, failure = _failed.get(issuer, (0.0, None))
    if document and time.monotonic() - read_at < KEPT_SECONDS:
        return document
    if failure and time.monotonic() - failed_at < FAILED_SECONDS:
        raise ProviderRefused(failure.reason)
    try:
        document = _read(issuer)
    except ProviderRefused as error:
        with _lock:
            _failed[issuer] = time.monotonic(), error
        raise
    with _lock:
        _kept[issuer] = time.monotonic(), document
    return document


def endpoint(issuer: str, name: str) -> str:
    """Returns one URL of the discovery document, such as `token_endpoint`.

    Raises: ProviderRefused if the URL is missing.
    """
    found = discover(issuer).get(name)
    if not isinstance(found, str) or not found:
        raise ProviderRefused("endpoint_missing")
    return found


def fetch_json(url: str, *, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Returns a JSON object from a URL of the provider. Does not follow redirects.

    Raises: ProviderRefused if the response cannot be read.
    """
    import requests

    try:
        response = requests.get(
            url, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
        )
        found = response.json() if response.status_code == requests.codes.ok else None
    except requests.RequestException as error:
        raise ProviderRefused("unreachable") from error
    if not isinstance(found, dict):
        raise ProviderRefused("unreadable")
    return found


def _read(issuer: str) -> dict[str, Any]:
    document = fetch_json(issuer.rstrip("/") + WELL_KNOWN)
    if document.get("issuer") != issuer:
        raise ProviderRefused("wrong_issuer")
    for name, url in document.items():
        is_address = name.endswith("_endpoint") or name == "jwks_uri"
        if is_address and not _is_safe(url, issuer):
            raise ProviderRefused("endpoint_unsafe")
    return document


def _is_safe(url: Any, issuer: str) -> bool:
    """Returns whether the URL is HTTPS. HTTP is accepted if both the URL and the provider are on
    this machine.
    """
    if not isinstance(url, str):
        return False
    return url.startswith("https://") or (
        url.startswith("http://") and is_loopback(url) and is_loopback(issuer)
    )
