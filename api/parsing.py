"""Parses JSON strictly: refuses texts that different parsers could read differently."""

import json
import re
from collections.abc import Mapping
from itertools import islice
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from ledger.db.json_numbers import (
    MAX_NUMBER_LENGTH,
    ExactNumber,
    exact_number,
    is_long_text,
    is_too_long,
)
from ledger.text.lines import shortened

MAX_BYTES = 32 * 1024 * 1024
# Maximum number of bytes from one quotation mark to the next. Ledger refuses longer texts and
# longer lists of numbers. A text of 32 MB with one character outside the Basic Multilingual Plane
# would need 256 MB of memory.
MAX_UNQUOTED = 64 * 1024
# Maximum numbers of values. The number is estimated from the separators, including separators in
# texts.
MAX_VALUES = 20_000
MAX_VALUES_OF_BATCH = 1_000_000
# The maximum for a batch, and the addition to it for each object
VALUES_OF_BATCH, VALUES_OF_LINE = 100_000, 20
MAX_LINES = 50_000  # lines of a batch
MAX_BREAKS = 10 * MAX_LINES  # line breaks in a batch, including blank lines
MAX_NAMES = 1000  # names in one object; metadata may have 100 names
LINE = re.compile(r"[^\n]+")
TOO_LONG = f"A number has at most {MAX_NUMBER_LENGTH:,} digits, zeros included; write it as a text."


def loads(text: str) -> Any:
    """Parses one JSON value and returns it.

    Raises: ParseError with a message, if the text is not JSON, contains NaN or a repeated name, has
    more than MAX_NAMES names in an object, or is nested too deeply. Also raises ParseError for a
    number with too many digits. The digits are counted as if the number were written without an
    exponent, because to print 1e999999999 would need much time and memory.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_no_constant,
            parse_float=_number, parse_int=_integer,
        )  # fmt: skip
    except ParseError:
        raise
    except RecursionError:
        raise ParseError("This JSON is nested too deeply.") from None
    except ValueError as error:
        raise ParseError(f"This is not JSON: {error}.") from None


def _number(text: str) -> ExactNumber:
    if is_long_text(text) or is_too_long(number := exact_number(text)):
        raise ParseError(TOO_LONG)
    return number


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_NUMBER_LENGTH:
        raise ParseError(TOO_LONG)
    return int(text)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_NAMES:
        raise ParseError(f"An object has at most {MAX_NAMES:,} names.")
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise ParseError(f"The name {json.dumps(shortened(name))} appears twice.")
            seen.add(name)
    return found


def _no_constant(name: str) -> Any:
    raise ParseError(f"{name} is not valid JSON.")


def _text_of(stream: IO[bytes]) -> str:
    """Returns the text of a request body.

    Raises: ParseError if the body is too long, contains a text or list that is too long, or is not
    UTF-8.
    """
    body = stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise ParseError(f"A body has at most {MAX_BYTES // 1024**2} MB. Send less per request.")
    starts = range(0, len(body) - MAX_UNQUOTED, MAX_UNQUOTED)
    if any(body.find(b'"', start, start + MAX_UNQUOTED) < 0 for start in starts):
        raise ParseError(f"A text or list has at most {MAX_UNQUOTED // 1024} KB. Send less.")
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None


class StrictJSONParser(BaseParser):
    """A parser for JSON in UTF-8, which uses `loads`.

    Unlike REST framework's JSONParser, this parser ignores DATA_UPLOAD_MAX_MEMORY_SIZE, because
    BodyMiddleware has already refused bodies above the limit of the URL. The URL of batches has a
    higher limit.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Returns the value of the request body.

        Raises: the ParseError of `loads`; ParseError for too many values, which would need too much
        time and memory.
        """
        text = _text_of(stream)
        most = self.most_values(text)
        if sum(map(text.count, ",[{")) > most:
            raise ParseError(f"This body has at most {most:,} values. Send less per request.")
        return self.value_of(text)

    def most_values(self, _text: str) -> int:
        """Returns the maximum number of values in a request body."""
        return MAX_VALUES

    def value_of(self, text: str) -> Any:
        """Returns the parsed value of a text of this media type."""
        return loads(text)


class BatchJSONParser(StrictJSONParser):
    """A parser for a batch of up to MAX_LINES payments."""

    def most_values(self, text: str) -> int:
        """Returns the maximum number of values in the body of a batch. The maximum grows with the
        number of objects, because an object with a payment takes less time per value than a list of
        numbers.
        """
        objects = text.count("{")
        return min(MAX_VALUES_OF_BATCH, VALUES_OF_BATCH + VALUES_OF_LINE * objects)


class NDJSONParser(BatchJSONParser):
    """A parser for one JSON value per line (NDJSON). It ignores blank lines, and returns at most
    MAX_LINES + 1 values, so that the view can refuse more than MAX_LINES.
    """

    media_type = "application/x-ndjson"

    def value_of(self, text: str) -> Any:
        """Returns the list of the values of all lines.

        Raises: ParseError for more than MAX_BREAKS line breaks.
        """
        if text.count("\n") > MAX_BREAKS:
            raise ParseError(
                f"This body has more than {MAX_BREAKS:,} lines. Send less per request."
            )
        lines = (found[0] for found in LINE.finditer(text) if not found[0].isspace())
        return [loads(line) for line in islice(lines, MAX_LINES + 1)]
