"""The provider's public keys. Each process caches them for five minutes.

Providers replace their keys. Therefore the keys are read again if a token contains an unknown key
id. Clients may send invented key ids, so a caller can set a minimum time between two reads.
"""

import math
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from accounts.sign_in.providers.discovery import FAILED_SECONDS, fetch_json
from accounts.sign_in.providers.refusals import ProviderRefused

KEPT_SECONDS = 300


@dataclass(slots=True)
class KeptKeys:
    """The cached keys by id. Only one thread reads the keys from the provider; other threads
    wait.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    read_at: float = -math.inf
    failed_at: float = -math.inf
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> Any:
        """Returns the key with this id, or None if the id is unknown or the cached keys are too
        old.
        """
        return self.keys.get(kid) if _now() - self.read_at < KEPT_SECONDS else None

    def read(self, url: str, algorithm: str) -> None:
        """Reads the keys from the provider. After a failure, waits at least FAILED_SECONDS before
        the next attempt.

        Raises: ProviderRefused if the keys cannot be read.
        """
        if _now() - self.failed_at < FAILED_SECONDS:
            raise ProviderRefused(self.reason)
        try:
            self.keys = _usable(fetch_json(url), algorithm)
        except ProviderRefused as error:
            self.failed_at, self.reason = _now(), error.reason
            raise
        self.read_at = _now()


_lock = threading.Lock()
_kept: dict[tuple[str, str], KeptKeys] = {}


def signing_key(url: str, kid: str, algorithm: str, *, wait: float = 0) -> Any:
    """Returns the public key with this id for this algorithm, from the key set at `url`.

    If the id is unknown, the key set is read again, unless the last read was less than `wait`
    seconds ago.

    Raises: ProviderRefused with the reason `unknown_signer` for an unknown id, or with another
    reason if the key set cannot be read.
    """
    with _lock:
        kept = _kept.setdefault((url, algorithm), KeptKeys())
    if key := kept.find(kid):
        return key
    with kept.lock:
        if (key := kept.find(kid)) is None and _now() - kept.read_at >= min(wait, KEPT_SECONDS):
            kept.read(url, algorithm)
            key = kept.find(kid)
    if key is None:
        raise ProviderRefused("unknown_signer")
    return key


def _now() -> float:
    return time.monotonic()


def _usable(found: dict[str, Any], algorithm: str) -> dict[str, Any]:
    """Returns the keys for this algorithm by id. A token cannot select a key for another
    algorithm.
    """
    import jwt

    rows = found.get("keys")
    if not isinstance(rows, list):
        raise ProviderRefused("unreadable")
    keys = {}
    for row in rows:
        if not isinstance(row, dict) or not isinstance(row.get("kid"), str):
            continue
        if row.get("use", "sig") != "sig" or row.get("alg", algorithm) != algorithm:
            continue
        try:
            keys[row["kid"]] = jwt.PyJWK(row, algorithm).key
        except jwt.PyJWTError:
            continue
    return keys
