"""The key with which a caller may repeat a request.

Each key always maps to the same id for the same user, without a table. The user's id is part of the
hash, so two users may use the same key, even the same UUID.

Note [Ids from keys]: `uuid7_for` hashes the user's id with the key. Someone who knows both can
compute the id, but can neither use it up nor find out whether it exists, because each id that a
request chooses contains its own caller's id. A keyed hash (HMAC) would also hide the id, but a
repeat after a rotation of the HMAC's key would pay twice.

Source: draft-ietf-httpapi-idempotency-key-header; its quotation marks around the key are optional
here. Another body with the same key returns 409, as we promised our callers, while the draft has
422.
"""

import hashlib
from typing import NamedTuple
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import User
from ledger.db.ids import uuid7, uuid7_for

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255
NO_KEY = "Send an Idempotency-Key, so that no line is booked twice if you repeat this request."


class PaymentKey(NamedTuple):
    """The id of a request's transaction, and the key that maps to this id."""

    id: UUID
    key: str


def payment_key(request: Request, person: User) -> PaymentKey:
    """Returns the id derived from the request's key, or from a new key without one.

    Raises: ValidationError for an invalid key.
    """
    text = _text_of(request)
    if text is None:
        new = uuid7()
        return PaymentKey(uuid7_for(person.pk, new), str(new))
    named = _uuid(text)
    if named is None:
        return PaymentKey(_mapped(text, "", person), text)
    return PaymentKey(uuid7_for(person.pk, named), text)


def line_id(request: Request, person: User, number: int) -> UUID:
    """Returns the id of the transaction of a line.

    Raises: ValidationError without a key.
    """
    text = _text_of(request)
    if text is None:
        raise ValidationError({HEADER: [NO_KEY]})
    return _mapped(text, str(number), person)


def key_as_uuid(request: Request, person: User) -> UUID:
    """Returns the key as a UUID, for rows whose own code adds the user to the id.

    Raises: ValidationError for an invalid key.
    """
    text = _text_of(request)
    return uuid7() if text is None else _uuid(text) or _mapped(text, "", person)


def _text_of(request: Request) -> str | None:
    given = request.headers.get(HEADER)
    if given is None:
        return None
    key = given.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"A key has 1 to {LONGEST} visible ASCII characters."]})
    return key


def _mapped(key: str, part: str, person: User) -> UUID:
    digest = hashlib.sha256(f"{key}\n{part}".encode()).digest()
    return uuid7_for(person.pk, UUID(bytes=digest[:16]))


def _uuid(text: str) -> UUID | None:
    """Returns the UUID, if the text is a UUID in its usual format, else None."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
