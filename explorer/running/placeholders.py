"""Named parameters of a query, `:name` or `%(name)s`, as numbered ones, which Postgres binds.

A value never becomes part of the text. What stands in a string, a quoted name or a comment is no
parameter.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass

# What hides a colon or a percent sign, or is one parameter. Postgres itself decides what is valid.
TOKEN = re.compile(
    r"""
      (?P<hidden>
        [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z) | '(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z)
        | \$(?P<tag>[A-Za-z_]*)\$ .*? (?:\$(?P=tag)\$|\Z)
        | --[^\n]* | /\*.*?(?:\*/|\Z) | ::
      )
      | (?<![\w\]\):]):(?P<colon>[a-z_][a-z0-9_]{0,40})\b
      | %\((?P<percent>[a-z_][a-z0-9_]{0,40})\)s
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class NumberedQuery:
    """A query with $1, $2 ... in place of its parameters, whose `names` stand in their order."""

    text: str
    names: tuple[str, ...]
    shifts: tuple[tuple[int, int], ...]  # from which place on, and by how much the typed text moved

    def typed_place(self, place: int) -> int:
        """Where in the typed text a place of `text` is."""
        found = bisect_right([start for start, _shift in self.shifts], place)
        return place - self.shifts[found - 1][1] if found else place


def numbered(typed: str) -> NumberedQuery:
    """The query with numbered parameters; the same name is one parameter."""
    names: list[str] = []
    parts: list[str] = []
    shifts: list[tuple[int, int]] = []
    end = length = 0
    for found in TOKEN.finditer(typed):
        name = found["colon"] or found["percent"]
        if not name:
            continue
        if name not in names:
            names.append(name)
        mark = f"${names.index(name) + 1}"
        parts += [typed[end : found.start()], mark]
        length += found.start() - end + len(mark)
        end = found.end()
        shifts.append((length, length - end))
    return NumberedQuery("".join([*parts, typed[end:]]), tuple(names), tuple(shifts))
