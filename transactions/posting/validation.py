"""Validates the values of a draft: amounts, ids, texts, metadata and times."""

import json
import re
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from unicodedata import combining

from django.utils import timezone

from accounts.exceptions import AccountNotFound
from accounts.models import EARLIEST, LATEST, Account, User
from ledger.db.json_numbers import (
    MAX_NUMBER_LENGTH,
    ExactNumber,
    ExactNumberEncoder,
    is_too_long,
    written_length,
)
from ledger.text.currencies import LARGEST_AMOUNT, PLAIN_NUMBER
from ledger.text.lines import composed, encodes, has_hidden_signs, odd_characters, shortened
from transactions.exceptions import InvalidAmount, InvalidDetails
from transactions.models import METADATA_LIMIT, Transaction
from transactions.models.transaction import CATEGORY_LENGTH

DEEPEST = 50  # max. levels of nested metadata
# The maximum number of combining marks in a row. Postgres and Python sort the marks of a letter in
# quadratic time. Source: Stream-Safe Text Format, Unicode Standard Annex 15.
MAX_MARKS = 30
MANY_MARKS = re.compile(rf"[^\x00-\u02ff]{{{MAX_MARKS + 1},}}")
# The maximum number of metadata keys on all levels, because pages and reports group by key.
MAX_NAMES = 100
PLAIN = {str, int, bool, float, type(None), Decimal}


class MetadataEncoder(ExactNumberEncoder):
    """A JSON encoder that writes a Decimal as a number. Raises InvalidDetails for a number that is
    too long.
    """

    def default(self, o: Any) -> Any:
        """Returns the JSON value of an object that the base class cannot encode."""
        if isinstance(o, Decimal):
            if not o.is_finite() or is_too_long(o):
                raise InvalidDetails(
                    f"A number in metadata has at most {MAX_NUMBER_LENGTH:,} digits, zeros"
                    " included; write it as a text."
                )
            o = ExactNumber(o.copy_abs() if o.is_zero() else o)  # jsonb has no -0
        return super().default(o)


# One encoder for all rows, because creating an encoder takes as long as encoding a small object.
ENCODER = MetadataEncoder(ensure_ascii=False, allow_nan=False)


def id_of(
    thing: User | Transaction | uuid.UUID | None, kind: type[User | Transaction], what: str
) -> uuid.UUID | None:
    """Returns the id of `thing`, which is an instance of `kind`, an id, or None. Raises
    InvalidDetails for any other value. `what` is the start of the message.
    """
    if thing is None or isinstance(thing, uuid.UUID):
        return thing
    if isinstance(thing, kind):
        return thing.pk
    raise InvalidDetails(f"{what} or its id is needed; {shortened(repr(thing))} is neither.")


def comparable(value: Any) -> Any:
    """Returns the JSON value in a form that can be compared with ==. Numbers with the same value
    are equal, because jsonb returns 1e23 as an integer. True is not equal to 1. Texts are composed,
    because old rows may contain texts that are not composed.
    """
    if isinstance(value, dict):
        return {composed(key): comparable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [comparable(inner) for inner in value]
    if isinstance(value, str):
        return composed(value)
    if isinstance(value, bool):
        return str(value), bool
    return Decimal(repr(value)) if isinstance(value, float | int) else value


def account_id(account: Account | uuid.UUID | str | None) -> uuid.UUID | None:
    if account is None or isinstance(account, uuid.UUID):
        return account
    if isinstance(account, Account):
        return account.pk
    try:
        return uuid.UUID(account)
    except (ValueError, AttributeError, TypeError):
        text = shortened(repr(account))
        raise AccountNotFound(f"There is no account with the id {text}.") from None


def as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(value)
    except (ValueError, AttributeError, TypeError):
        text = shortened(repr(value))
        raise InvalidDetails(f"A transaction's id is a UUID; {text} is not.") from None


def amount_of(value: Decimal | int | str) -> Decimal:
    if isinstance(value, str) and PLAIN_NUMBER.fullmatch(value):
        value = Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal):
        raise InvalidAmount(
            f"{shortened(repr(value))} is not an exact amount; write a Decimal, "
            "like Decimal('950.00')."
        )
    if type(value) is not Decimal:
        value = Decimal(value)  # converts a subclass to Decimal; the number stays the same
    if not value.is_finite():
        raise InvalidAmount("An amount is a number above zero.")
    if value <= 0:
        raise InvalidAmount(f"An amount is above zero; {shortened(str(value))} is not.")
    if value > LARGEST_AMOUNT:
        raise InvalidAmount(f"An amount is at most {LARGEST_AMOUNT:,f}.")
    return value


def text_of(value: str, limit: int, what: str) -> str:
    if not isinstance(value, str):
        raise InvalidDetails(f"The {what} is text.")
    if len(value) > limit:
        raise InvalidDetails(
            f"The {what} has {len(value):,} characters; at most {limit} fit. Shorten it."
        )
    if odd_characters(value) or not encodes(value):
        raise InvalidDetails(f"The {what} has a character that cannot be stored; remove it.")
    return _composed(value, f"The {what}")


def json_of(metadata: Mapping[str, Any]) -> str:
    if not isinstance(metadata, Mapping):
        raise InvalidDetails("Metadata is a JSON object: names with values.")
    if (names := _names_in(metadata)) > MAX_NAMES:
        raise InvalidDetails(f"Metadata has {names:,} names; at most {MAX_NAMES} fit.")
    if (size := _least_size(metadata)) > METADATA_LIMIT:
        raise InvalidDetails(
            f"Metadata takes {size:,} bytes or more; at most {METADATA_LIMIT:,} fit."
        )
    try:
        text = ENCODER.encode(dict(metadata))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDetails(f"Metadata is a JSON object; this is not: {error}.") from None
    if not encodes(text) or ("\\u0000" in text and _has_nul(json.loads(text))):
        raise InvalidDetails("Metadata has a character that cannot be stored; remove it.")
    if not text.isascii():
        text = ENCODER.encode(_composed_json(dict(metadata)))
    size = len(text.encode()) + _grown(text)
    if size > METADATA_LIMIT:
        raise InvalidDetails(f"Metadata takes {size:,} bytes; at most {METADATA_LIMIT:,} fit.")
    return text


def refuse_long_category(metadata: Mapping[str, Any]) -> None:
    """Raises InvalidDetails if the category is too long for lists. Call `json_of` before."""
    text = _category_text(metadata)
    if len(text) > CATEGORY_LENGTH:
        raise InvalidDetails(
            f"The category has {len(text):,} characters; at most {CATEGORY_LENGTH} fit. Shorten it."
        )


def refuse_hidden_signs(metadata: Mapping[str, Any], text: str) -> None:
    """Raises InvalidDetails if a key of the metadata or the category contains an invisible
    character, because it can look like another key or category in the recipient's lists. `text` is
    the JSON text of the metadata that `json_of` returned.
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return  # this is the case for most metadata; JSON escapes control characters
    names: list[str] = []
    json.loads(text, object_pairs_hook=lambda pairs: names.extend(key for key, _ in pairs))
    if any(map(has_hidden_signs, (*names, _category_text(metadata)))):
        raise InvalidDetails(
            "A key of the metadata or the category has an invisible character; remove it."
        )


def _category_text(metadata: Mapping[str, Any]) -> str:
    """Returns the category as the generated column stores it."""
    value = metadata.get("category")
    return value if isinstance(value, str) else ENCODER.encode(value)


def _composed(text: str, what: str) -> str:
    """Returns the text in the normal form NFC, which combines a letter and its accents. Raises
    InvalidDetails for more than MAX_MARKS combining marks in a row.
    """
    if text.isascii():
        return text
    for found in MANY_MARKS.finditer(text):
        marks = "".join("x" if combining(c) else " " for c in found[0])
        if max(map(len, marks.split()), default=0) > MAX_MARKS:
            raise InvalidDetails(f"{what} has more than {MAX_MARKS} accents on one letter.")
    return composed(text)


def _composed_json(value: Any) -> Any:
    """Returns a JSON value with composed texts and keys, see `_composed`. Raises InvalidDetails if
    two keys become the same.
    """
    if isinstance(value, str):
        return _composed(value, "Metadata")
    if isinstance(value, Mapping):
        pairs = {_composed_json(name): _composed_json(inner) for name, inner in value.items()}
        if len(pairs) != len(value):
            raise InvalidDetails("Two names of metadata differ only in how an accent is written.")
        return pairs
    if isinstance(value, list | tuple):
        return [_composed_json(inner) for inner in value]
    return value


def _names_in(value: Any, left: int = DEEPEST) -> int:
    """Returns the number of keys in all objects of the value. Raises InvalidDetails if lists and
    objects are nested more than `left` levels, or if a key is not a string. JSON would convert such
    a key to a string that may equal another key.
    """
    names = 0
    if isinstance(value, Mapping):
        names = len(value)
        for key in value:
            if not isinstance(key, str):
                text = shortened(repr(key))
                raise InvalidDetails(f"Metadata keys are texts; {text} is not. Write a text.")
        value = value.values()
    elif not isinstance(value, list | tuple):
        return 0
    if left == 0:
        raise InvalidDetails(f"Metadata is nested {DEEPEST} levels at most; make it flatter.")
    for inner in value:
        # Skips plain values, because a call for each plain value takes longer than encoding the
        # JSON.
        if type(inner) not in PLAIN:
            names += _names_in(inner, left - 1)
    return names


def _least_size(value: Any) -> int:
    """Returns the minimum size in bytes of a value as JSON. The value is not encoded, because the
    JSON of Decimal("1e9999") has thousands of zeros. The nesting must have been checked before.
    """
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Decimal):
        return written_length(value) if value.is_finite() else 1
    if isinstance(value, Mapping):
        return sum(map(len, value)) + sum(map(_least_size, value.values()))
    if isinstance(value, list | tuple):
        return len(value) + sum(map(_least_size, value))
    return 1


def _grown(text: str) -> int:
    """Returns the number of characters by which jsonb's text is longer than Python's. For example,
    jsonb writes 1e300 with all zeros.
    """
    longer = 0

    def measure(number: str) -> int:
        nonlocal longer
        longer += max(0, len(format(Decimal(number), "f")) - len(number))
        return 0

    if "e" in text:
        json.loads(text, parse_float=measure)
    return longer


def _has_nul(value: Any) -> bool:
    """Returns whether a key or string contains a NUL character, which jsonb refuses."""
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(_has_nul(inner) for inner in value)
    return isinstance(value, str) and "\x00" in value


def day_of(value: date | None) -> date | None:
    if value is None:
        return value
    if not isinstance(value, date) or isinstance(value, datetime):
        text = shortened(repr(value))
        raise InvalidDetails(f"A value date is a day, like date(2026, 11, 20); {text} is not.")
    if not EARLIEST.date() <= value < LATEST.date():
        raise InvalidDetails(f"A value date lies between {EARLIEST.year} and {LATEST.year}.")
    return value


def in_range(what: str, value: datetime) -> datetime:
    if not isinstance(value, datetime) or timezone.is_naive(value):
        raise InvalidDetails(f"A time of {what} is a datetime with a time zone.")
    if not EARLIEST <= value < LATEST:
        raise InvalidDetails(f"A time of {what} lies between {EARLIEST.year} and {LATEST.year}.")
    return value


def exact_time(value: datetime | None) -> datetime | None:
    if value is None:
        return None
    if in_range("booking", value) > timezone.now():
        raise InvalidDetails("Nothing is booked in the future; leave the booking time out.")
    return value
