"""Named parameters of a query, `:name` or `%(name)s`, as numbered ones, which Postgres binds.

A value never becomes part of the text. What stands in a string, a quoted name or a comment is no
parameter.
"""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

LETTER = r"A-Za-z_\x80-\U0010ffff"  # of a name or the tag of a dollar quote, as Postgres reads it
# A string goes on behind a line break, with the escapes of its first part.
LINE_BREAK = r"(?:[ \t\f\v]|--[^\r\n]*+)*+[\r\n](?:\s|--[^\r\n]*+[\r\n])*+"
# What hides a colon or a percent sign, or is one parameter. Postgres itself decides what is valid.
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
    """A query with $1, $2 ... in place of its parameters, whose `names` stand in their order."""

    text: str
    names: tuple[str, ...]
    shifts: tuple[tuple[int, int], ...]  # from which place on, and by how much the typed text moved
    parts: tuple[str, ...]  # the text between the parameters
    places: tuple[int, ...]  # in `names`, of the parameter after each part but the last
    has_numbers: bool  # whether a parameter was typed as $1

    def with_array(self, types: Sequence[str]) -> str:
        """Returns the text with its parameters read from the array $1, as values of these types."""
        marks = [f"(($1)[{place + 1}]::{types[place]})" for place in self.places]
        return "".join(part + mark for part, mark in zip(self.parts, [*marks, ""], strict=True))

    def typed_place(self, place: int) -> int:
        """Where in the typed text a place of `text` is."""
        found = bisect_right([start for start, _shift in self.shifts], place)
        return place - self.shifts[found - 1][1] if found else place


def numbered(typed: str) -> NumberedQuery:
    """The query with numbered parameters; the same name is one parameter."""
    names: dict[str, int] = {}  # and their places
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
