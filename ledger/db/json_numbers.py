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

# Before a number in the text of an encoder, which can write a value of ours only as a string. No
# text can have this marker in it: it is random and never leaves the encoder.
_MARKER = secrets.token_hex(16)
_MARKED = re.compile(rf'"{_MARKER}(-?[0-9.]+)"')


LONGEST_NUMBER = 4_000  # characters, without an exponent; Python reads integers of 4,300 digits


class ExactNumber(Decimal):
    """A number of a JSON text that has decimals or an exponent. Metadata prints like JSON."""

    def __repr__(self) -> str:
        return str(self)  # 1E+999: never longer than what somebody sent


def exact_number(text: str) -> ExactNumber:
    """Returns the number of a JSON text. Raises ValueError if its exponent is out of range."""
    try:
        return ExactNumber(text)
    except InvalidOperation:
        raise ValueError("the exponent of a number is out of range") from None


def is_long_text(text: str) -> bool:
    """Whether the text of a number is longer than one that is not too long, its exponent included:
    reading it would take a hundred times its memory.
    """
    return len(text) > LONGEST_NUMBER + 30


def written_length(number: Decimal) -> int:
    """How many digits a finite number has without an exponent, computed without writing it."""
    _sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)  # noqa: S101  of a finite number
    return max(len(digits), len(digits) + exponent, 1 - exponent)


def is_too_long(number: Decimal) -> bool:
    """Whether a finite number has more than LONGEST_NUMBER digits without an exponent."""
    return written_length(number) > LONGEST_NUMBER


def loads(text: str) -> Any:
    """Parses JSON. Numbers with decimals or an exponent are ExactNumbers."""
    return json.loads(text, parse_float=exact_number)


class ExactNumberDecoder(json.JSONDecoder):
    """The same for a field."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parse_float=exact_number, **options)


class WritesExactNumbers(json.JSONEncoder):
    """A mixin for encoders: writes ExactNumbers as numbers with all their digits."""

    def default(self, o: Any) -> Any:
        """Returns an ExactNumber as marked text."""
        if isinstance(o, ExactNumber):
            return f"{_MARKER}{o:f}"
        return super().default(o)

    def iterencode(self, o: Any, _one_shot: bool = False) -> Iterator[str]:
        """Yields the text, without markers."""
        for part in super().iterencode(o, _one_shot):
            yield _MARKED.sub(r"\1", part) if _MARKER in part else part


class ExactNumberEncoder(WritesExactNumbers, DjangoJSONEncoder):
    """Django's encoder with exact numbers. A plain Decimal, such as an amount, stays a text."""


class ExactJSONField(models.JSONField):
    """A column of JSON objects whose numbers keep their digits.

    Migrations know it as a JSONField: only reading and writing in Python differ. A fixture has the
    object as text, because loading a fixture reads numbers as floats.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(
            *args, **{"encoder": ExactNumberEncoder, "decoder": ExactNumberDecoder, **options}
        )

    def deconstruct(self) -> Any:
        """Returns the parts of a plain JSONField."""
        name, _path, args, options = super().deconstruct()
        del options["encoder"], options["decoder"]
        return name, "django.db.models.JSONField", args, options

    def value_to_string(self, obj: models.Model) -> str:
        """Returns the object for a fixture."""
        return json.dumps(self.value_from_object(obj), cls=ExactNumberEncoder, ensure_ascii=False)

    def to_python(self, value: Any) -> Any:
        """Returns the object of a fixture."""
        return loads(value) if isinstance(value, str) else value


class ReadableJSONField(models.JSONField):
    """JSON of a table that a page shows even if it was forged: numbers of any length and lists of
    any depth, which Python cannot read, are None.
    """

    def deconstruct(self) -> Any:
        """Returns the parts of a plain JSONField."""
        name, _path, args, options = super().deconstruct()
        return name, "django.db.models.JSONField", args, options

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        """Returns the value, or None."""
        try:
            return super().from_db_value(value, expression, connection)
        except (ValueError, RecursionError):
            return None
