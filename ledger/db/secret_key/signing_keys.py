"""Keys derived from SECRET_KEY. The database uses them to verify signatures of web processes.

The owner of the tables stores each key as the two pads of HMAC, where the web role cannot read
them.
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
    """Returns the inner and the outer pad of HMAC for a key. With the pads, SQL needs only the
    function `sha256` and never the key itself.
    """
    padded = key.ljust(BLOCK, b"\0")
    return bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)


def store_pads(cursor: CursorWrapper, table: str, keys: Iterable[bytes]) -> bool:
    """Replaces the keys stored in `table`, which has the columns inner_pad and outer_pad. Returns
    whether anything changed.

    Only one process does this at a time. If two processes did it, the message of a unique
    constraint could contain a pad, and from the pad the key can be calculated.
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
