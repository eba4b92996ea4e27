"""The provider's public keys, which each process caches for five minutes.

After an unknown key id, the keys are read again, because providers rotate their keys. If senders
can invent ids, the caller sets a minimum time between two reads, so that not every call causes one.
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
    """The keys that were read last, by id. One thread reads them while the others wait."""

    keys: dict[str, Any] = field(default_factory=dict)
    read_at: float = -math.inf
    failed_at: float = -math.inf
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> Any:
        """Returns the key, or None if it is unknown, or the keys are too old."""
        return self.keys.get(kid) if _now() - self.read_at < KEPT_SECONDS else None

    def read(self, url: str, algorithm: str) -> None:
        """Reads the keys from the provider. After a failure, waits some seconds before the next
        attempt.
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
    """Returns the public key with this id from the key set at `url`, for this algorithm.

    For an unknown id, the key set is read again, if the last read was at least `wait` seconds ago.

    Raises: ProviderRefused with `unknown_signer` for an unknown id, or another reason if the key
    set cannot be read.
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
    """Returns only the keys for this algorithm, so that a token cannot select a key of another
    kind.
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
