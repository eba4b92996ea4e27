"""Row ids: UUIDv7, made in Python.

Time-ordered, so an index grows at its right edge; made without a sequence, so
rows can be spread over machines later, and a caller can name a transaction
before sending it (the idempotency key).
"""

import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """A new time-ordered id (RFC 9562, version 7)."""
    return compat.uuid7()


def uuid7_of(moment: datetime, name: str) -> uuid.UUID:
    """An id that depends on `moment` and `name` only.

    For imports: a row that is read twice gets the same id, so it is booked once.
    The time part is `moment` in milliseconds; the 74 random bits of RFC 9562
    are taken from SHA-256 of `name`.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return _put_together(milliseconds & (2**48 - 1), name.encode())


def uuid7_for(person: uuid.UUID, form: uuid.UUID) -> uuid.UUID:
    """The id of the row that a person's form makes: always the same for the same form, and never
    the id of anybody else's row.

    A form carries an id of its own, which its reader may change. If it were the row's, an id that
    somebody else has used would get another answer than an unused one.
    """
    return _put_together(form.int >> 80, person.bytes + form.bytes)


def uuid7_with(form: uuid.UUID, *content: object) -> uuid.UUID:
    """The id of the row that a form makes of this content, given what `uuid7_for` returns: always
    the same for the same content, so that sending it twice makes one row, and another one for
    other content, because after Back a browser shows a form with the id it was sent with.
    """
    return _put_together(form.int >> 80, json.dumps([str(form), *map(str, content)]).encode())


def _put_together(moment: int, name: bytes) -> uuid.UUID:
    """A UUIDv7 of milliseconds since 1970 and 74 bits of the SHA-256 of `name`."""
    value = moment << 80 | int.from_bytes(hashlib.sha256(name).digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def pk_of(thing: Any) -> uuid.UUID:
    """The id of an instance, or the id itself."""
    return thing if isinstance(thing, uuid.UUID) else thing.pk
