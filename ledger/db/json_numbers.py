"""Reads and writes JSON in which numbers keep all their digits.

Python's `json` reads a number with decimals as a float, which keeps at most 17 digits. Postgres's
jsonb keeps all digits.
"""

import json
import re
import secrets
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

# The marker that is put before a number in the text of an encoder. It is needed because an encoder
# can write Ledger's numbers only as strings. No other text can contain this marker, because the
# marker is random and never leaves the encoder.
_MARKER = secrets.token_hex(16)
_MARKED = re.compile(rf'"{_MARKER}(-?[0-9.]+)"')


# Characters, without an exponent; Python's own limit for integers is 4,300 digits.
MAX_NUMBER_LENGTH = 4_000


class ExactNumber(Decimal):
    """A number with decimals or an exponent from a JSON text. Its `repr` is the number itself, so
    that printed metadata looks like JSON.
    """

    def __repr__(self) -> str:
        return str(self)  # for example 1E+999, which is never longer than the original text


def exact_number(text: str) -> ExactNumber:
    """Returns the number in a JSON text. Raises ValueError if the exponent is out of range."""
    try:
        return ExactNumber(text)
    except InvalidOperation:
        raise ValueError("the exponent of a number is out of range") from None


def is_long_text(text: str) -> bool:
    """Returns whether the text of a number is too long to be parsed. Parsing would need a hundred
    times as much memory as the text.
    """
    return len(text) > MAX_NUMBER_LENGTH + 30


def written_length(number: Decimal) -> int:
    """Returns how many digits a finite number has when it is written without an exponent. Does not
    create this text, which could be very long.
    """
    _sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  the number is finite
    return max(len(digits), len(digits) + exponent, 1 - exponent)


def is_too_long(number: Decimal) -> bool:
    """Returns whether a finite number has more than MAX_NUMBER_LENGTH digits without an
    exponent.
    """
    return written_length(number) > MAX_NUMBER_LENGTH


def loads(text: str) -> Any:
    """Returns the value of a JSON text. Numbers with decimals or an exponent become
    ExactNumbers.
    """
    return json.loads(text, parse_float=exact_number)


class ExactNumberDecoder(json.JSONDecoder):
    """A JSON decoder for which numbers with decimals or an exponent become ExactNumbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_float=exact_number, **options)


class WritesExactNumbers(json.JSONEncoder):
    """A mixin for JSON encoders that writes all digits of an ExactNumber."""

    def default(self, o: Any) -> Any:
        """Returns an ExactNumber as text with a marker. `iterencode` removes the marker."""
        if isinstance(o, ExactNumber):
            return f"{_MARKER}{o:f}"
        return super().default(o)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yields the JSON text in parts, without the markers and quotes around numbers."""
        for part in super().iterencode(o, _one_shot):
            yield _MARKED.sub(r"\1", part) if _MARKER in part else part


class ExactNumberEncoder(WritesExactNumbers, DjangoJSONEncoder):
    """Django's JSON encoder, which also writes all digits of ExactNumbers. A plain Decimal, such as
    an amount, becomes a string.
    """


class ExactJSONField(models.JSONField):
    """A column of JSON objects in which numbers keep all their digits.

    In migrations the column is a plain JSONField. A fixture contains the object as a string,
    because numbers of a fixture are read as floats.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(
            *args, **{"encoder": ExactNumberEncoder, "decoder": ExactNumberDecoder, **options}
        )

    def deconstruct(self) -> Any:
        """Returns the arguments of a plain JSONField for migrations."""
        name, _path, args, options = super().deconstruct()
        del options["encoder"], options["decoder"]
        return name, "django.db.models.JSONField", args, options

    def value_to_string(self, obj: models.Model) -> str:
        """Returns the object as JSON text for a fixture."""
        return json.dumps(self.value_from_object(obj), cls=ExactNumberEncoder, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Returns the object. Parses `value` if it is JSON text, as in a fixture."""
        return loads(value) if isinstance(value, str) else value


class ReadableJSONField(models.JSONField):
    """A JSON column for pages that must not fail because of a harmful value. If Python cannot read
    a value, for example a very long number or a deeply nested list, the result is None.
    """

    def deconstruct(self) -> Any:
        """Returns the arguments of a plain JSONField for migrations."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Returns the value, or None if Python cannot read it."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None
