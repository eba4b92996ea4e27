"""Keys derived from SECRET_KEY. The database verifies signatures of web processes with these keys.

The owner of the tables stores each key as the two pads of HMAC, in a table that the web role cannot
read.
"""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.db.backends.utils import CursorWrapper

from ledger.db.locking.named import wait_for_lock

BLOCK = 64  # bytes in a block of SHA-256; HMAC pads its key to this length


def derived_keys(purpose: bytes) -> list[bytes]:
    """Returns the keys for a purpose. The first key is derived from SECRET_KEY, and the others from
    SECRET_KEY_FALLBACKS.
    """
    return [
        hashlib.sha256(purpose + secret.encode()).digest()
        for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    ]


def pads(key: bytes) -> tuple[bytes, bytes]:
    """Returns the inner and the outer HMAC pad of a key. From the pads, SQL can compute an HMAC
    with only the function `sha256`.
    """
    padded = key.ljust(BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def store_pads(cursor: CursorWrapper, table: str, keys: Iterable[bytes]) -> bool:
    """Replaces the keys in `table`, which has the columns inner_pad and outer_pad. Returns whether
    anything changed.

    A lock allows only one process at a time. Otherwise the error of a unique constraint could
    contain a pad, and the key can be calculated from a pad.
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
