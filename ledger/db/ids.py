"""Row ids, which are UUIDv7 values that Python generates.

The ids are ordered by time, so new rows are added at the end of an index. Ids need no sequence, so
rows can be distributed over several machines later. A caller can choose the id of a transaction
before sending it. This id is then the idempotency key.
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

    Imports use this function. If an import reads a row twice, the row gets the same id, so the row
    is booked only once. The time part of the id is `moment` in milliseconds. The 74 random bits of
    RFC 9562 are taken from the SHA-256 of `name`.
    """
    milliseconds = int(moment.timestamp() * 1000)
    return _put_together(milliseconds & (2**48 - 1), name.encode())


def uuid7_for(person: uuid.UUID, form: uuid.UUID) -> uuid.UUID:
    """Returns the id of the row that this person's form creates. The same form always gets the same
    id, and this id is never the id of another person's row.

    A form contains an id that its user can change. If the id of the form were also the id of the
    row, the response would reveal whether another person's row already has this id.
    """
    return _put_together(form.int >> 80, person.bytes + form.bytes)


def uuid7_with(form: uuid.UUID, *content: object) -> uuid.UUID:
    """Returns the id of the row that a form creates. `form` is the id of the form, which
    `uuid7_for` has made. The id of the row depends on the id and the content of the form.

    The same content always gets the same id, so a form that is sent twice creates only one row.
    Different content gets a different id. If a user goes back and changes the form, the browser
    sends the old id of the form with other content, and this must create another row.
    """
    return _put_together(form.int >> 80, json.dumps([str(form), *map(str, content)]).encode())


def _put_together(moment: int, name: bytes) -> uuid.UUID:
    """Returns a UUIDv7. `moment` is the number of milliseconds since 1970. The other 74 bits are
    from the SHA-256 of `name`.
    """
    value = moment << 80 | int.from_bytes(hashlib.sha256(name).digest()[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def pk_of(thing: Any) -> uuid.UUID:
    """Returns the primary key of a model instance. If `thing` is already an id, returns it
    unchanged.
    """
    return thing if isinstance(thing, uuid.UUID) else thing.pk
