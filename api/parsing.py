"""Reads JSON strictly: what two readers could understand in two ways is refused."""

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from ledger.db.json_numbers import exact_number
from ledger.text.lines import shortened


def loads(text: str) -> Any:
    """Parses one JSON value. Raises ParseError, with a sentence: also for a name that stands twice,
    for NaN, and for more nesting or longer numbers than Python reads.
    """
    try:
        return json.loads(
            text, object_pairs_hook=_without_repeats, parse_constant=_no_constant,
            parse_float=exact_number,
        )  # fmt: skip
    except ParseError:
        raise
    except RecursionError:
        raise ParseError("This JSON is nested too deeply.") from None
    except ValueError as error:
        raise ParseError(f"This is not JSON: {error}.") from None


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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


def _text_of(stream: IO[Any]) -> str:
    try:
        return codecs.getreader("utf-8")(stream).read()
    except UnicodeDecodeError:
        raise ParseError("The body is not UTF-8.") from None


class StrictJSONParser(JSONParser):
    """JSON in UTF-8, read by `loads`."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Returns the value of the body."""
        return self.value_of(_text_of(stream))

    def value_of(self, text: str) -> Any:
        """The value that a text of this type stands for."""
        return loads(text)


class NDJSONParser(StrictJSONParser):
    """A value on each line (NDJSON); blank lines count for nothing."""

    media_type = "application/x-ndjson"

    def value_of(self, text: str) -> Any:
        """Returns the values of the lines."""
        return [loads(line) for line in text.split("\n") if line.strip()]
