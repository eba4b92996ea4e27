"""Formats SQL. Each clause begins a new line, and so does each expression of a long list.

Note [Not sqlparse's format]: sqlparse 0.6 aligns a list with its keyword. Of the 1,093 statements
in docs/orm-to-sql/, 237 are then wider than 88 characters, compared with 38 here. So this module
uses only sqlparse's lexer.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeGuard

from sqlparse import tokens
from sqlparse.lexer import Lexer, tokenize

WIDTH = 88
FEW = 3  # a clause with at most this many expressions may be on one line
COLUMN = 4  # maximum number of words of a plain column with its comma: accounts . id ,
SHARED = 66  # maximum width in characters of a line with several plain columns
STEP = "  "
CLAUSE = re.compile(
    r"WITH( RECURSIVE)?|SELECT|FROM|WHERE|GROUP BY|HAVING|WINDOW|ORDER BY|LIMIT|OFFSET|FETCH"
    r"|UNION( ALL)?|INTERSECT|EXCEPT|((LEFT|RIGHT|FULL|INNER|CROSS|NATURAL) )?(OUTER )?JOIN"
)
LISTED = re.compile("WITH( RECURSIVE)?|SELECT|WHERE|HAVING|(GROUP|ORDER) BY")
PART_OF_WINDOW = re.compile(r"PARTITION BY|ORDER BY|ROWS|RANGE")
PLAIN_NAME = re.compile(r'"[a-z_][a-z0-9_]*"')


@dataclass(frozen=True, slots=True)
class Word:
    """A token of SQL. `is_key` is whether the token is a keyword. `spaced` is whether white space
    comes before the token.
    """

    text: str
    spaced: bool = False
    is_key: bool = False

    def is_keyword(self, pattern: re.Pattern[str] | str) -> bool:
        """Returns whether the token is a keyword that matches the pattern."""
        return self.is_key and bool(re.fullmatch(pattern, self.text.upper()))


@dataclass(slots=True)
class SqlGroup:
    """The tokens and groups between an opening and a closing bracket."""

    spaced: bool = False
    parts: list["Part"] = field(default_factory=list)

    @property
    def text(self) -> str:
        return f"({flat(self.parts)})"

    @property
    def is_query(self) -> bool:
        return bool(self.parts) and _is_keyword(self.parts[0], "SELECT|WITH( RECURSIVE)?")


Part = Word | SqlGroup


def lay_out(sql: str) -> str:
    """Returns a SQL statement, formatted on several lines.

    Changes white space and the case of clause keywords. Removes unnecessary quotes, and the
    brackets around a whole WHERE condition. Writes comments as /* */.
    """
    return "\n".join(_query(_grouped(_words(sql)), ""))


def flat(parts: list[Part]) -> str:
    """Returns the text of the parts on one line."""
    return "".join(
        (" " if part.spaced and place else "") + part.text for place, part in enumerate(parts)
    )


def _words(sql: str) -> Iterator[Word]:
    spaced, before = False, ""
    for kind, value in tokenize(sql):  # type: ignore[no-untyped-call]
        if kind in tokens.Whitespace:
            spaced = True
            continue
        text = value
        if kind in tokens.Comment:
            text = f"/* {value.strip().lstrip('-/*').rstrip('*/').strip()} */"
        elif PLAIN_NAME.fullmatch(value) and (before == "." or not _is_reserved(value)):
            text = value.strip('"')
        word = Word(re.sub(r"\s+", " ", text), spaced, True)
        if kind not in tokens.Keyword:
            word = Word(text, spaced)
        elif word.is_keyword(CLAUSE):
            word = Word(word.text.upper(), spaced, True)
        yield word
        before, spaced = text, kind in tokens.Comment


def _is_reserved(quoted: str) -> bool:
    """Returns whether a quoted name may be a keyword, so that its quotes are necessary."""
    lexer = Lexer.get_default_instance()  # type: ignore[no-untyped-call]
    kind, _value = lexer.is_keyword(quoted.strip('"').upper())
    return kind not in tokens.Name


def _grouped(words: Iterator[Word]) -> list[Part]:
    stack = [SqlGroup()]
    for word in words:
        if word.text == "(":
            stack.append(SqlGroup(word.spaced))
        elif word.text == ")" and len(stack) > 1:
            group = stack.pop()
            stack[-1].parts.append(group)
        else:
            stack[-1].parts.append(word)
    while len(stack) > 1:  # a bracket without a closing bracket
        group = stack.pop()
        stack[-1].parts += [Word("(", group.spaced), *group.parts]
    return stack[0].parts


def _is_keyword(part: Part, pattern: re.Pattern[str] | str) -> bool:
    return isinstance(part, Word) and part.is_keyword(pattern)


def _query(parts: list[Part], margin: str) -> list[str]:
    """Returns the lines of a query. Each clause begins a new line."""
    lines: list[str] = []
    for clause in _split(parts, _begins_clause):
        lines += _clause(clause, margin)
    return lines


def _begins_clause(part: Part, before: Part | None) -> bool:
    of_comparison = (
        before is not None and _is_keyword(before, "DISTINCT") and _is_keyword(part, "FROM")
    )
    return _is_keyword(part, CLAUSE) and not of_comparison


def _clause(parts: list[Part], margin: str) -> list[str]:
    """Returns the lines of a clause. A short clause is one line. A long clause has its keyword on
    the first line and then one expression per line.
    """
    head = 1
    if len(parts) == 2 and _is_keyword(parts[0], "WHERE|HAVING") and _is_plain(parts[1]):
        first, *rest = parts[1].parts
        parts = [parts[0], replace(first, spaced=True), *rest]
    if _is_keyword(parts[0], "SELECT") and len(parts) > 1 and _is_keyword(parts[1], "DISTINCT"):
        head = 2
    expressions = _expressions(parts[head:])
    is_short = len(margin) + len(flat(parts)) <= WIDTH and len(expressions) <= FEW
    is_listed = _is_keyword(parts[0], LISTED) and (
        len(expressions) > 1 or not _is_keyword(parts[0], "WITH")
    )
    if is_short or not is_listed:
        return _lines(parts, margin)
    lines = [margin + flat(parts[:head])]
    for run in _runs(expressions, margin + STEP):
        lines += _lines(run, margin + STEP)
    return lines


def _runs(expressions: list[list[Part]], margin: str) -> Iterator[list[Part]]:
    """Yields the parts of each line: one expression, or several plain columns."""
    shared: list[Part] = []
    for expression in expressions:
        is_column = _is_column(expression)
        if shared and not (is_column and len(margin) + len(flat(shared + expression)) <= SHARED):
            yield shared
            shared = []
        if is_column:
            shared = shared + expression
        else:
            yield expression
    if shared:
        yield shared


def _is_column(expression: list[Part]) -> bool:
    """Returns whether an expression is a plain column. A keyword after a point counts as a name."""
    befores = [None, *expression]
    return len(expression) <= COLUMN and all(
        isinstance(part, Word) and (not part.is_key or (before and before.text == "."))
        for part, before in zip(expression, befores, strict=False)
    )


def _is_plain(part: Part) -> TypeGuard[SqlGroup]:
    """Returns whether a part is a condition in unnecessary brackets."""
    return isinstance(part, SqlGroup) and bool(part.parts) and not part.is_query


def _expressions(parts: list[Part]) -> list[list[Part]]:
    """Splits the parts into expressions at commas, or at AND and OR if there are no commas."""
    listed = _split(parts, lambda _part, before: before is not None and before.text == ",")
    return listed if len(listed) > 1 else _conditions(parts)


def _conditions(parts: list[Part]) -> list[list[Part]]:
    """Splits a condition at AND and OR, but not at the AND of BETWEEN."""
    cuts, between = set(), False
    for place, part in enumerate(parts):
        if _is_keyword(part, "BETWEEN"):
            between = True
        elif _is_keyword(part, "AND") and between:
            between = False
        elif _is_keyword(part, "AND|OR"):
            cuts.add(place)
    return _cut(parts, cuts)


def _split(parts: list[Part], begins: Callable[[Part, Part | None], bool]) -> list[list[Part]]:
    """Splits the list before each part for which `begins` returns True. The arguments of `begins`
    are the part and the previous part, or None for the first part.
    """
    befores = [None, *parts]
    return _cut(parts, {n for n, part in enumerate(parts) if begins(part, befores[n])})


def _cut(parts: list[Part], places: set[int]) -> list[list[Part]]:
    ends = sorted({0, len(parts), *places})
    return [parts[start:end] for start, end in pairwise(ends)]


def _lines(parts: list[Part], margin: str) -> list[str]:
    """Returns the lines of an expression. If the expression is too long for one line, the contents
    of its long brackets are on separate lines.
    """
    if len(margin) + len(flat(parts)) <= WIDTH:
        return [margin + flat(parts)]
    lines: list[str] = []
    line = inner = margin
    for place, part in enumerate(parts):
        gap = " " if part.spaced and place else ""
        if _is_keyword(part, "WHEN|ELSE|END") and line.strip():
            inner = margin if _is_keyword(part, "END") else margin + STEP
            lines, line, gap = [*lines, line], inner, ""
        rest = len(flat(parts[place + 1 : place + 2])) if place + 1 < len(parts) else 0
        if isinstance(part, Word) or len(line + gap + part.text) + min(rest, 3) <= WIDTH:
            line += gap + part.text
            continue
        lines += [f"{line}{gap}(", *_inside(part, inner + STEP)]
        line = f"{inner})"
    return [*lines, line]


def _inside(group: SqlGroup, margin: str) -> list[str]:
    """Returns the lines of the text inside brackets."""
    if group.is_query:
        return _query(group.parts, margin)
    pieces = _split(group.parts, lambda part, _before: _is_keyword(part, PART_OF_WINDOW))
    if len(pieces) == 1:
        pieces = _expressions(group.parts)
    return [line for piece in pieces for line in _lines(piece, margin)]
