"""The key by which a caller may send the same request again.

Each key is mapped to an id for good: the same key of the same person is always the same id, which
needs no table. The person is mixed in, so two people may use the same key, also the same UUID.

Note [Ids from keys]: `uuid7_for` hashes the person's id with the key. Someone who knows both can
compute the id, but cannot use it up or find out whether it exists, because each id that a request
chooses has the id of its own caller in it. A keyed hash (HMAC) would also hide the id, but a repeat
after its key was rotated would pay twice.

Source: draft-ietf-httpapi-idempotency-key-header; its quotation marks around the key are optional
here. Another body with the same key is 409, as our callers were promised, where the draft has 422.
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
NO_KEY = "Send an Idempotency-Key, so that no line is booked twice if you have to send this again."


class PaymentKey(NamedTuple):
    """The id of the transaction of a request, and the key that makes the same id again."""

    id: UUID
    key: str


def payment_key(request: Request, person: User) -> PaymentKey:
    """Returns the id that follows from the request's key, or from a new key without one.

    Raises ValidationError for a key that cannot be one.
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
    """Returns the id of the transaction of a line. Raises ValidationError without a key."""
    text = _text_of(request)
    if text is None:
        raise ValidationError({HEADER: [NO_KEY]})
    return _mapped(text, str(number), person)


def key_as_uuid(request: Request, person: User) -> UUID:
    """Returns the key as a UUID, for rows into whose ids their own code mixes the person.

    Raises ValidationError for a key that cannot be one.
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
    """The UUID, if the text is one in its usual form."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
