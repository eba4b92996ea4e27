"""Converts the named parameters of a query, `:name` or `%(name)s`, to numbered parameters, so that
Postgres binds their values and no value becomes part of the text.

A name within a string, a quoted identifier or a comment is not a parameter.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

LETTER = r"A-Za-z_\x80-\U0010ffff"  # the letters of names and of dollar-quote tags, as in Postgres
# A string constant can continue after a line break. If its first part is an E-string, backslashes
# are also escapes in the other parts.
LINE_BREAK = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:\s|--[^\r\n]*+[\r\n])*+"
# Matches parameters, and tokens in which a colon or percent sign is not a parameter. Postgres
# decides whether the SQL is valid.
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
    """A query with parameters $1, $2 and so on. `names` contains the names of the parameters in
    this order.
    """

    text: str
    names: tuple[str, ...]
    # Pairs: a position in `text`, and the offset to the entered text after this position
    shifts: tuple[tuple[int, int], ...]
    parts: tuple[str, ...]  # the entered text between the parameters
    places: tuple[int, ...]  # the index in `names` of the parameter after each part
    has_numbers: bool  # whether the user has entered a parameter like $1

    def with_array(self, types: Sequence[str]) -> str:
        """Returns the text with elements of the array $1 instead of parameters. `types` are the SQL
        types to which the elements are cast.
        """
        marks = [f"(($1)[{place + 1}]::{types[place]})" for place in self.places]
        return "".join(part + mark for part, mark in zip(self.parts, [*marks, ""], strict=True))

    def typed_place(self, place: int) -> int:
        """Returns the position in the entered text for a position in `text`."""
        found = bisect_right([start for start, _shift in self.shifts], place)
        return place - self.shifts[found - 1][1] if found else place


def numbered(typed: str) -> NumberedQuery:
    """Returns the query with numbered parameters. A repeated name is one parameter."""
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
