"""Generates the ids of rows in Python, as UUIDv7 values.

The ids are ordered by time, so that new rows are added at the end of an index. No sequence is
necessary. A caller can choose the id of a transaction in advance. This id is then the idempotency
key.
"""

import hashlib
import json
import uuid
from datetime import datetime
from typing import Any

from uuid_utils import compat


def uuid7() -> uuid.UUID:
    """Returns a new UUIDv7 (RFC 9562)."""
    return compat.uuid7()


def uuid7_of(moment: datetime, name: str) -> uuid.UUID:
    """Returns a UUIDv7 that depends only on `moment` and `name`. Imports use this function so that
    a row that is imported twice gets the same id and is booked once.

    The time part of the id is `moment` in milliseconds. The other 74 bits are from the SHA-256 of
    `name`.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return _put_together(milliseconds & (2**48 - 1), name.encode())


def uuid7_for(person: uuid.UUID, form: uuid.UUID) -> uuid.UUID:
    """Returns the id of the row that this person's form creates. `form` is the id in the form,
    which the user can change.

    The result also depends on the person. Otherwise the response would show whether another
    person's row already has the id in the form.
    """
    return _put_together(form.int >> 80, person.bytes + form.bytes)


def uuid7_with(form: uuid.UUID, *content: object) -> uuid.UUID:
    """Returns the id of the row that a form with this content creates. `form` is an id from
    `uuid7_for`.

    The same content always gets the same id, so that a form that is sent twice creates one row.
    Different content gets a different id, because a user may go back and send a changed form with
    the same form id.
    """
    return _put_together(form.int >> 80, json.dumps([str(form), *map(str, content)]).encode())


def _put_together(moment: int, name: bytes) -> uuid.UUID:
    """Returns a UUIDv7 with the time `moment` in milliseconds since 1970. The other 74 bits are
    from the SHA-256 of `name`.
    """
    value = moment << 80 | int.from_bytes(hashlib.sha256(name).digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def pk_of(thing: Any) -> uuid.UUID:
    """Returns the primary key of a model instance. An id is returned unchanged."""
    return thing if isinstance(thing, uuid.UUID) else thing.pk
