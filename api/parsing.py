"""Reads JSON strictly: what two readers could understand in two ways is refused."""

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

MOST_BYTES = 32 * 1024 * 1024
# Bytes from one quote to the next: neither a text nor a list of numbers that Ledger takes has so
# many. A text of 32 MB with one letter beyond the basic plane would take 256 MB.
MOST_UNQUOTED = 64 * 1024
# Values are counted by their separators, also in texts.
MOST_VALUES = 20_000
MOST_VALUES_OF_BATCH = 1_000_000
VALUES_OF_BATCH, VALUES_OF_LINE = 100_000, 20  # of any batch, and more for each object in it
MOST_LINES = 50_000  # of a batch
MOST_BREAKS = 10 * MOST_LINES  # between its lines, also blank ones
MOST_NAMES = 1000  # of an object; metadata has the most, a hundred
LINE = re.compile(r"[^\n]+")
TOO_LONG = f"A number has at most {MAX_NUMBER_LENGTH:,} digits, zeros included; write it as a text."


def loads(text: str) -> Any:
    """Parses one JSON value. Raises ParseError, with a sentence: also for a name that stands twice,
    for more than MOST_NAMES, for NaN, for more nesting than Python reads, and for a number that is
    too long without its exponent: whatever writes it would take its time and memory.
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
    if len(pairs) > MOST_NAMES:
        raise ParseError(f"An object has at most {MOST_NAMES:,} names.")
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise ParseError(f"The name {json.dumps(shortened(name))} stands there twice.")
            seen.add(name)
    return found


def _no_constant(name: str) -> Any:
    raise ParseError(f"{name} is no JSON.")


def _text_of(stream: IO[bytes]) -> str:
    """The text of a body. Raises ParseError for one that would take too much memory as a text."""
    body = stream.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise ParseError(f"A body has at most {MOST_BYTES // 1024**2} MB. Send less at once.")
    starts = range(0, len(body) - MOST_UNQUOTED, MOST_UNQUOTED)
    if any(body.find(b'"', start, start + MOST_UNQUOTED) < 0 for start in starts):
        raise ParseError(f"A text or list has at most {MOST_UNQUOTED // 1024} KB. Send less.")
    try:
        return str(body, "utf-8")
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None


class StrictJSONParser(BaseParser):
    """JSON in UTF-8, read by `loads`.

    REST framework limits its own JSONParser to DATA_UPLOAD_MAX_MEMORY_SIZE. BodyLimitMiddleware has
    refused what is larger than the address accepts: the list of a batch may be larger.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Returns the value of the body. Raises ParseError for one that has too many values: they
        would take time and memory.
        """
        text = _text_of(stream)
        most = self.most_values(text)
        if sum(map(text.count, ",[{")) > most:
            raise ParseError(f"This body has at most {most:,} values. Send less at once.")
        return self.value_of(text)

    def most_values(self, _text: str) -> int:
        """How many values a body may have."""
        return MOST_VALUES

    def value_of(self, text: str) -> Any:
        """The value that a text of this type stands for."""
        return loads(text)


class BatchJSONParser(StrictJSONParser):
    """A batch of up to MOST_LINES payments."""

    def most_values(self, text: str) -> int:
        """More for each object: a list of numbers takes more time than payments do."""
        objects = text.count("{")
        return min(MOST_VALUES_OF_BATCH, VALUES_OF_BATCH + VALUES_OF_LINE * objects)


class NDJSONParser(BatchJSONParser):
    """A value on each line (NDJSON); blank lines count for nothing. More than MOST_LINES are cut to
    one more, which the view refuses.
    """

    media_type = "application/x-ndjson"

    def value_of(self, text: str) -> Any:
        """Returns the values of the lines. Raises ParseError for more than MOST_BREAKS."""
        if text.count("\n") > MOST_BREAKS:
            raise ParseError(f"This body has more than {MOST_BREAKS:,} lines. Send less at once.")
        lines = (found[0] for found in LINE.finditer(text) if not found[0].isspace())
        return [loads(line) for line in islice(lines, MOST_LINES + 1)]
