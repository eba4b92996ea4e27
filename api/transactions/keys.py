"""The Idempotency-Key, with which a caller can repeat a request.

For one user, the same key always gives the same id, without a table of keys. The id of the user is
part of the hash, so two users can use the same key, even the same UUID.

Note [Ids from keys]: `uuid7_for` hashes the user's id with the key. A person who knows the user's
id and the key can calculate the id of the row. This person still cannot use the id for another row,
and cannot find out whether the row exists, because every id that a request chooses contains the
hash of the caller who sent the request. A keyed hash (HMAC) would also hide the id, but after a
change of the HMAC's key, a repeated request would pay twice.

Source: draft-ietf-httpapi-idempotency-key-header. There are two differences. The quotation marks
around the key are optional. The status for the same key with another body is 409 instead of 422, as
documented for our callers.
"""

import hashlib
from typing import NamedTuple
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import User
from ledger.db.ids import uuid7, uuid7_for
from transactions.safeguards.keys import transaction_id_for

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255
NO_KEY = "Send an Idempotency-Key, so that no line is booked twice if you repeat this request."


class PaymentKey(NamedTuple):
    """The id of the transaction of a request, and the key from which the id is derived."""

    id: UUID
    key: str


def payment_key(request: Request, person: User) -> PaymentKey:
    """Returns the key of the request, or a new key, with the id that is derived from the key.

    Raises: ValidationError for an invalid key.
    """
    text = _text_of(request)
    if text is None:
        new = uuid7()
        return PaymentKey(uuid7_for(person.pk, new), str(new))
    named = _uuid(text)
    if named is None:
        return PaymentKey(_mapped(text, "", person), text)
    return PaymentKey(transaction_id_for(person, named), text)


def line_id(request: Request, person: User, number: int) -> UUID:
    """Returns the id of the transaction of a line in a batch.

    Raises: ValidationError if there is no key or the key is invalid.
    """
    text = _text_of(request)
    if text is None:
        raise ValidationError({HEADER: [NO_KEY]})
    return _mapped(text, str(number), person)


def key_as_uuid(request: Request, person: User) -> UUID:
    """Returns the key as a UUID, or a new UUID if the request has no key. This is for rows whose id
    is a hash of this UUID and the user's id.

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
    """Returns the UUID in a text of the usual format, or None for another text."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
