"""JSON whose numbers keep all their digits.

Python's `json` reads a number with decimals as a float, which keeps 15 to 17 digits and turns
1e-400 into 0. Postgres's jsonb keeps the digits.
"""

import json
import re
import secrets
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

# The marker before a number in the text of an encoder, because an encoder can write Ledger's
# numbers only as strings. No other text can contain this marker: it is random and never leaves the
# encoder.
_MARKER = secrets.token_hex(16)
_MARKED = re.compile(rf'"{_MARKER}(-?[0-9.]+)"')


MAX_NUMBER_LENGTH = 4_000  # characters, without an exponent; Python reads integers of 4,300 digits


class ExactNumber(Decimal):
    """A number with decimals or an exponent from a JSON text. In metadata, it is printed as in
    JSON.
    """

    def __repr__(self) -> str:
        return str(self)  # for example 1E+999: never longer than the text that was sent


def exact_number(text: str) -> ExactNumber:
    """Returns the number of a JSON text. Raises ValueError if its exponent is out of range."""
    try:
        return ExactNumber(text)
    except InvalidOperation:
        raise ValueError("the exponent of a number is out of range") from None


def is_long_text(text: str) -> bool:
    """Returns whether the text of a number, including its exponent, is longer than an allowed
    number can be. Reading such a text would use a hundred times its memory.
    """
    return len(text) > MAX_NUMBER_LENGTH + 30


def written_length(number: Decimal) -> int:
    """Returns how many digits a finite number has without an exponent. The number is not written
    out.
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
    """Parses JSON. Numbers with decimals or an exponent are ExactNumbers."""
    return json.loads(text, parse_float=exact_number)


class ExactNumberDecoder(json.JSONDecoder):
    """A decoder for JSON fields that reads numbers with decimals or an exponent as ExactNumbers."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_float=exact_number, **options)


class WritesExactNumbers(json.JSONEncoder):
    """A mixin for encoders that writes ExactNumbers as numbers with all their digits."""

    def default(self, o: Any) -> Any:
        """Returns an ExactNumber as marked text."""
        if isinstance(o, ExactNumber):
            return f"{_MARKER}{o:f}"
        return super().default(o)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yields the text without markers."""
        for part in super().iterencode(o, _one_shot):
            yield _MARKED.sub(r"\1", part) if _MARKER in part else part


class ExactNumberEncoder(WritesExactNumbers, DjangoJSONEncoder):
    """Django's encoder with exact numbers. A plain Decimal, such as an amount, is still written as
    text.
    """


class ExactJSONField(models.JSONField):
    """A column of JSON objects whose numbers keep their digits.

    In migrations it is a JSONField, because only reading and writing in Python differ. A fixture
    contains the object as text, because loading a fixture reads numbers as floats.
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
        """Returns the object as text for a fixture."""
        return json.dumps(self.value_from_object(obj), cls=ExactNumberEncoder, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Returns the object from a fixture's text."""
        return loads(value) if isinstance(value, str) else value


class ReadableJSONField(models.JSONField):
    """A JSON column that pages can show even if a value was forged. Values that Python cannot read
    (numbers that are too long, lists that are nested too deeply) become None.
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
