"""Finds texts that have one of many words, names or mail addresses.

Note [A pattern each]: a person may have had any number of addresses, and the time and memory in
which Postgres compiles one regular expression of them all grow with the square of its length. So
each word, name and address has its pattern, and only a text that has its longest part is compared
with it.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from django.contrib.postgres.fields import ArrayField
from django.db.models import BooleanField, Func, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Lower, Upper

MANY = ArrayField(TextField())


class TextPattern(NamedTuple):
    """A regular expression of Postgres, and a part of each text that it finds, in any case."""

    expression: str
    part: str


class HasAny(Func):
    """Whether a text has one of the patterns. Expressions: the text, the same in one case, the
    parts of the patterns in this case, and their regular expressions. See Note [A pattern each].
    """

    template = """EXISTS (
        SELECT FROM (SELECT %(expressions)s OFFSET 0) AS given (value, folded, parts, patterns),
            unnest(parts, patterns) AS each (part, pattern)
        WHERE CASE WHEN strpos(folded, part) > 0 THEN value ~* pattern END)"""
    output_field = BooleanField()


def having(field: str, patterns: Iterable[TextPattern]) -> HasAny:
    """The condition that a column, or a key of a JSON column, has one of the patterns."""
    text = KT(field) if "__" in field else Cast(field, TextField())
    parts, expressions = [], []
    for pattern in patterns:
        parts.append(pattern.part)
        expressions.append(pattern.expression)
    folded = Func(  # once in a query; by Postgres, whose cases differ from those of Python
        Value(parts, MANY), output_field=MANY,
        template="ARRAY(SELECT upper(lower(part)) FROM unnest(%(expressions)s::text[]) AS part)",
    )  # fmt: skip
    return HasAny(text, Upper(Lower(text)), folded, Cast(Value(expressions, MANY), MANY))


def without(
    rows: QuerySet[Any], field: str, addresses: Collection[TextPattern]
) -> Iterator[tuple[QuerySet[Any], Func]]:
    """The rows that have each of the addresses in a column, and its text without this address."""
    if not rows.filter(having(field, addresses)).exists():
        return
    for address in addresses:
        text, pattern = Cast(field, TextField()), Value(address.expression)
        shorter = Func(text, pattern, Value("erased"), Value("gi"), function="regexp_replace")
        yield rows.filter(having(field, [address])), shorter


def has_any(text: str, addresses: Iterable[TextPattern]) -> bool:
    """Whether the text has one of the addresses."""
    folded = _folded(text)
    return any(
        _folded(part) in folded and re.search(expression, text, re.IGNORECASE)
        for expression, part in addresses
    )


def _folded(text: str) -> str:
    return text.lower().upper()


def patterns_of_words(texts: Iterable[str]) -> list[TextPattern]:
    """Finds each of the texts as whole words."""
    return [
        TextPattern(rf"(^|[^[:alnum:]]){_words(text)}($|[^[:alnum:]])", _longest_part(text))
        for text in sorted(set(texts))
        if len(text) > 1
    ]


def _words(text: str) -> str:
    return re.escape(text).replace("\\ ", "[[:space:]]+")


def patterns_of_addresses(addresses: Iterable[str]) -> list[TextPattern]:
    """Finds each of the addresses, but not as a part of another one, in Postgres and in Python. SQL
    writes an apostrophe twice or behind a backslash. A longer address comes first, so that one that
    ends with a shorter one is replaced as a whole.
    """
    return [
        TextPattern(rf"(?<![\w.+-]){_quoted(address)}(?![\w-]|\.\w)", _longest_part(address))
        for address in sorted(set(addresses), key=lambda each: (-len(each), each))
        if address
    ]


def _quoted(address: str) -> str:
    return re.escape(address).replace("'", r"(\\?'){1,2}")


def _longest_part(text: str) -> str:
    """The longest part of the text that the patterns compare letter by letter."""
    return max(re.split(r"[\s'\\]+", text), key=len)
