"""JSON in which numbers keep all their digits.

Python's `json` reads a number with decimals as a float. A float keeps 15 to 17 digits, and turns
1e-400 into 0. Postgres's jsonb keeps all digits.
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
    """A number with decimals or an exponent from a JSON text. Its `repr` is the number as JSON
    writes it, so that printed metadata looks like JSON.
    """

    def __repr__(self) -> str:
        return str(self)  # for example 1E+999, which is never longer than the original text


def exact_number(text: str) -> ExactNumber:
    """Returns the number in a JSON text. Raises ValueError if its exponent is out of range."""
    try:
        return ExactNumber(text)
    except InvalidOperation:
        raise ValueError("the exponent of a number is out of range") from None


def is_long_text(text: str) -> bool:
    """Returns whether a number, as text with its exponent, is longer than an allowed number can be.
    Parsing such a text would need a hundred times as much memory as the text.
    """
    return len(text) > MAX_NUMBER_LENGTH + 30


def written_length(number: Decimal) -> int:
    """Returns how many digits a finite number has without an exponent. Calculates this from the
    exponent, so that the long text is not created.
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
    """Parses a JSON text and returns its value. Numbers with decimals or an exponent become
    ExactNumbers.
    """
    return json.loads(text, parse_float=exact_number)


class ExactNumberDecoder(json.JSONDecoder):
    """A decoder for JSON fields. Numbers with decimals or an exponent become ExactNumbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_float=exact_number, **options)


class WritesExactNumbers(json.JSONEncoder):
    """A mixin for JSON encoders that writes an ExactNumber as a number with all its digits."""

    def default(self, o: Any) -> Any:
        """Returns an ExactNumber as text with a marker, which `iterencode` removes."""
        if isinstance(o, ExactNumber):
            return f"{_MARKER}{o:f}"
        return super().default(o)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yields the JSON text in parts, and removes the markers and quotes around numbers."""
        for part in super().iterencode(o, _one_shot):
            yield _MARKED.sub(r"\1", part) if _MARKER in part else part


class ExactNumberEncoder(WritesExactNumbers, DjangoJSONEncoder):
    """Django's JSON encoder, which also writes ExactNumbers with all their digits. A plain Decimal,
    such as an amount, is written as a string.
    """


class ExactJSONField(models.JSONField):
    """A column of JSON objects in which numbers keep all their digits.

    In migrations this is a plain JSONField, because only reading and writing in Python differ. A
    fixture contains the object as a string, because loading a fixture would read its numbers as
    floats.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(
            *args, **{"encoder": ExactNumberEncoder, "decoder": ExactNumberDecoder, **options}
        )

    def deconstruct(self) -> Any:
        """Returns the same parts as a plain JSONField."""
        name, _path, args, options = super().deconstruct()
        del options["encoder"], options["decoder"]
        return name, "django.db.models.JSONField", args, options

    def value_to_string(self, obj: models.Model) -> str:
        """Returns the object as JSON text, for a fixture."""
        return json.dumps(self.value_from_object(obj), cls=ExactNumberEncoder, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Returns the object. If `value` is the JSON text of a fixture, parses the text."""
        return loads(value) if isinstance(value, str) else value


class ReadableJSONField(models.JSONField):
    """A JSON column that pages can show even if somebody stored a harmful value. A value that
    Python cannot read becomes None. Examples are numbers that are too long and lists that are
    nested too deeply.
    """

    def deconstruct(self) -> Any:
        """Returns the same parts as a plain JSONField."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Returns the value, or None if Python cannot read it."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None
