"""Converts named parameters of a query, `:name` or `%(name)s`, to numbered ones, which Postgres
binds.

A value never becomes part of the text. Names in a string, a quoted name or a comment are not
parameters.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

LETTER = r"A-Za-z_\x80-\U0010ffff"  # letters of names and dollar-quote tags, as in Postgres
# A string continues after a line break, with the escapes of its first part.
LINE_BREAK = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:\s|--[^\r\n]*+[\r\n])*+"
# A token that hides a colon or percent sign, or is a parameter. Postgres decides what is valid.
TOKEN = re.compile(
    rf"""
      (?P<hidden>
        (?<![{LETTER}0-9$])[eE]'(?:[^'\\]|\\.|''|'{LINE_BREAK}')*(?:'|\Z)
        | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
        | (?<![{LETTER}0-9$])\$(?P<tag>(?:[{LETTER}][{LETTER}0-9]*)?)\$ .*? (?:\$(?P=tag)\$|\Z)
        | --[^\r\n]* | /\*.*?(?:\*/|\Z) | ::
      )
      | (?<![{LETTER}0-9\]\):]):(?P<colon>[a-z_][a-z0-9_]{{0,40}})(?![{LETTER}0-9])
      | %\((?P<percent>[a-z_][a-z0-9_]{{0,40}})\)s
      | (?<![{LETTER}0-9$])\$(?P<number>\d+)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NumberedQuery:
    """A query with $1, $2 ... in place of its parameters. `names` lists the parameters in this
    order.
    """

    text: str
    names: tuple[str, ...]
    shifts: tuple[tuple[int, int], ...]  # (start, offset) pairs of the shifted text
    parts: tuple[str, ...]  # the text between the parameters
    places: tuple[int, ...]  # index in `names` of the parameter after each part
    has_numbers: bool  # whether a parameter was typed as $1

    def with_array(self, types: Sequence[str]) -> str:
        """Returns the text with its parameters read from the array $1, as values of these types."""
        marks = [f"(($1)[{place + 1}]::{types[place]})" for place in self.places]
        return "".join(part + mark for part, mark in zip(self.parts, [*marks, ""], strict=True))

    def typed_place(self, place: int) -> int:
        """Returns the position in the entered text of a position in `text`."""
        found = bisect_right([start for start, _shift in self.shifts], place)
        return place - self.shifts[found - 1][1] if found else place


def numbered(typed: str) -> NumberedQuery:
    """Returns the query with numbered parameters. Each name is one parameter."""
    names: dict[str, int] = {}  # with their positions
    parts: list[str] = []
    places: list[int] = []
    shifts: list[tuple[int, int]] = []
    end = length = 0
    has_numbers = False
    for found in TOKEN.finditer(typed):
        name = found["colon"] or found["percent"]
        has_numbers |= found["number"] is not None
        if not name:
            continue
        places.append(names.setdefault(name, len(names)))
        mark = f"${places[-1] + 1}"
        parts.append(typed[end : found.start()])
        length += found.start() - end + len(mark)
        end = found.end()
        shifts.append((length, length - end))
    parts.append(typed[end:])
    marks = [*(f"${place + 1}" for place in places), ""]
    text = "".join(part + mark for part, mark in zip(parts, marks, strict=True))
    return NumberedQuery(
        text, tuple(names), tuple(shifts), tuple(parts), tuple(places), has_numbers
    )
