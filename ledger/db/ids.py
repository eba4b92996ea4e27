"""Row ids: UUIDv7 values that are made in Python.

The ids are ordered by time, so an index grows at its right edge. They need no sequence, so rows can
be distributed over machines later, and a caller can choose a transaction's id (the idempotency key)
before sending it.
"""

import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Returns a new time-ordered id (RFC 9562, version 7)."""
    return compat.uuid7()


def uuid7_of(moment: datetime, name: str) -> uuid.UUID:
    """Returns an id that depends only on `moment` and `name`.

    Imports use this function: a row that is read twice gets the same id, so it is booked once. The
    time part is `moment` in milliseconds; the 74 random bits of RFC 9562 are taken from SHA-256 of
    `name`.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return _put_together(milliseconds & (2**48 - 1), name.encode())


def uuid7_for(person: uuid.UUID, form: uuid.UUID) -> uuid.UUID:
    """Returns the id of the row that this person's form creates. It is always the same for the same
    form, and never the id of another person's row.

    A form contains an id that its user can change. If the row had the same id, the answer would
    show whether another person has already used that id.
    """
    return _put_together(form.int >> 80, person.bytes + form.bytes)


def uuid7_with(form: uuid.UUID, *content: object) -> uuid.UUID:
    """Returns the id of the row that a form creates from this content. `form` is the result of
    `uuid7_for`.

    The same content always gets the same id, so a form that is sent twice creates one row. Other
    content gets another id, because after Back a browser shows a form with the id that was already
    sent.
    """
    return _put_together(form.int >> 80, json.dumps([str(form), *map(str, content)]).encode())


def _put_together(moment: int, name: bytes) -> uuid.UUID:
    """Returns a UUIDv7 from milliseconds since 1970 and 74 bits of the SHA-256 of `name`."""
    value = moment << 80 | int.from_bytes(hashlib.sha256(name).digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def pk_of(thing: Any) -> uuid.UUID:
    """Returns the id of an instance, or the id itself."""
    return thing if isinstance(thing, uuid.UUID) else thing.pk
