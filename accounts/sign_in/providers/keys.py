"""The provider's public keys, kept for five minutes by each process.

A key id that is not among them has them read again, because providers rotate their keys. Whoever
may send made-up ids says how long after a read that may be, or each call would make one.
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
    """The keys that were read last, by their ids. One thread reads, the others wait for it."""

    keys: dict[str, Any] = field(default_factory=dict)
    read_at: float = -math.inf
    failed_at: float = -math.inf
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kid: str) -> Any:
        """The key; None where it is not known, or was read too long ago."""
        return self.keys.get(kid) if _now() - self.read_at < KEPT_SECONDS else None

    def read(self, url: str, algorithm: str) -> None:
        """Reads them from the provider; after a failure not again for some seconds."""
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
    """The public key with this id, of the key set at `url`, which verifies this algorithm.

    An unknown id has the key set read again, if the last read is `wait` seconds ago. Raises
    ProviderRefused: `unknown_signer` for an id that is not there, other reasons where the key set
    cannot be read.
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
    """The keys that verify this algorithm: a key of another kind, named by a token, is none."""
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
