"""Keys derived from SECRET_KEY, with which the database verifies signatures of web processes.

The owner of the tables stores them, as the two pads of HMAC, where the web role cannot read them.
"""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from ledger.db.locking.named import wait_for_lock

BLOCK = 64  # bytes in a block of SHA-256, to which HMAC pads its key


def derived_keys(purpose: bytes) -> list[bytes]:
    """Returns the keys of a purpose: first the key from SECRET_KEY, then the keys from its
    fallbacks.
    """
    return [
        hashlib.sha256(purpose + secret.encode()).digest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def pads(key: bytes) -> tuple[bytes, bytes]:
    """Returns the inner and outer pad of HMAC, so that SQL needs only `sha256` and never the key
    itself.
    """
    padded = key.ljust(BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def store_pads(cursor: CursorWrapper, table: str, keys: Iterable[bytes]) -> bool:
    """Replaces the keys (inner_pad, outer_pad) stored in `table`. Returns whether anything changed.

    Only one process does this at a time: otherwise a violated unique constraint would print a pad,
    and so the key.
    """
    wait_for_lock(f"keys in {table}")
    wanted = {pads(key) for key in keys}
    cursor.execute(f"SELECT inner_pad, outer_pad FROM {table}")  # noqa: S608 - a constant
    if {(bytes(inner), bytes(outer)) for inner, outer in cursor.fetchall()} == wanted:
        return False
    cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant
    for pair in sorted(wanted):
        cursor.execute(f"INSERT INTO {table} VALUES (%s, %s)", pair)  # noqa: S608 - a constant
    return True
