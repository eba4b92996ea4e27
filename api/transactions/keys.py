"""The key by which a caller may send the same request again.

A UUID becomes the id of the transaction. Any other text is mapped to an id for good: the same text
of the same person is always the same id, which needs no table. `uuid7_for` mixes the person in, so
two people may use the same text.

Source: draft-ietf-httpapi-idempotency-key-header; its quotation marks around the key are optional
here. Another body with the same key is 409, as our callers were promised, where the draft has 422.
"""

import hashlib
from uuid import UUID

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from accounts.models import User
from ledger.db.ids import uuid7, uuid7_for

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
LONGEST = 255


def payment_id(request: Request, person: User, *, part: str = "") -> UUID:
    """The id of the transaction that a request makes: by its key, or a new one without a key.

    `part` tells several of one request apart. Raises ValidationError for a key that cannot be one.
    """
    given = request.headers.get(HEADER)
    if given is None:
        return uuid7()
    key = given.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not key or len(key) > LONGEST or not (key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [f"A key has 1 to {LONGEST} visible ASCII characters."]})
    named = _uuid(key)
    if named is not None and not part:
        return named
    digest = hashlib.sha256(f"{key}\n{part}".encode()).digest()
    return uuid7_for(person.pk, UUID(bytes=digest[:16]))


def _uuid(text: str) -> UUID | None:
    """The UUID, if the text is one in its usual form."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None
