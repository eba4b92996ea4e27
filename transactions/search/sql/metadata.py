"""Conditions on metadata keys at any depth. They never fail, whatever JSON a row contains."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Case, DecimalField, F, Func, JSONField, Q, TextField, Value, When
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IExact,
    IsNull,
    LessThan,
    LessThanOrEqual,
    Regex,
)

from ledger.db.queries.tsqueries import MatchesText
from ledger.text.amounts import parse_figure
from transactions.search.language.query import QueryItem
from transactions.search.language.values import Bounds, is_number

LOOKUP_CLASSES = {
    "exact": Exact,
    "gt": GreaterThan,
    "gte": GreaterThanOrEqual,
    "lt": LessThan,
    "lte": LessThanOrEqual,
}
# Any number of METADATA_LIMIT bytes fits numeric, which has 131,072 digits before the point and
# 16,383 after it.
NUMBER_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
CANONICAL_NUMBER_PATTERN = r"^(?!-0(\.0*)?$)-?(0|[1-9][0-9]*)(\.[0-9]+)?$"  # not 007, not -0
BOOLEANS = ("true", "false")  # the search column does not contain these


# Note [Values of the bank]: Postgres has no statistics for "upper(value) = upper('card')" and
# estimates one row in 200. So it would collect 700,000 rows through the index of the words and sort
# them. For containment (@>) of the value as typed, or in lower case, it has statistics. So it finds
# common values while it reads back through the newest rows, and rare values through the indexes of
# metadata and words together. Containment matches no rows that the other condition would not match.
# So a value finds the same rows in the whole bank and in the reader's own money.


def has_key(path: Sequence[str]) -> Q:
    """Returns the condition for rows that have the key with any value."""
    return Q(IsNull(_at(path, "#>", JSONField()), False))


def text_at(path: Sequence[str]) -> Func:
    """Returns the value at a path as text: a string without quotes, any other value as JSON."""
    return _at(path, "#>>", TextField())


def has_value(item: QueryItem, *, is_bank: bool) -> Q:
    """Returns the condition for rows where the key has the item's value, ignoring case.

    A number matches equal numbers and the same text. A word matches a word of the value, or of the
    texts inside it. In quotes it must be the whole value. The condition for the whole bank matches
    the same rows in another way: see Note [Values of the bank].
    """
    if item.value is not None:
        return _in_range(item.path, item.value)
    same = Q(IExact(text_at(item.path), item.text))
    number = None if item.is_quoted else _number(item.text)
    if number is not None:
        same |= Q(_is_canonical_number(item.path), _in_range(item.path, (("exact", number),)))
    if not item.is_quoted:
        same |= _words_in_value(item)
    if not is_bank:
        return same
    if number is not None:
        return _number_in_bank(item, number, same)
    return matches_in_bank(item.path, item.text, same)


def _words_in_value(item: QueryItem) -> Q:
    """Returns the condition for rows with these words in the value.

    The search column contains words of the value too, so the GIN index finds candidates first.
    """
    if not _is_worded(item.text):
        return Q()
    words = SearchQuery(item.text, search_type="plain", config="simple")
    return Q(search=words) & Q(MatchesText(_words_at(item.path), words))


def matches_in_bank(path: Sequence[str], text: str, same: Q) -> Q:
    """Returns the condition for rows of the whole bank with a value: see Note [Values of the bank].

    `same` is the condition that ignores case.
    """
    words = metadata_words(text)
    condition = Q(metadata__contains=_nested(path, text))
    if text != text.lower():
        condition |= Q(metadata__contains=_nested(path, text.lower()))
    if text.lower() in BOOLEANS:
        condition |= Q(metadata__contains=_nested(path, text.lower() == "true"))
        words = SearchQuery(text, search_type="plain", config="simple")  # for the text "True"
    return condition | (same if words is None else Q(search=words) & same)


def _number_in_bank(item: QueryItem, number: Decimal, same: Q) -> Q:
    """Returns the condition for rows with the number, with any number of trailing zeros: 13.4,
    13.40 …
    """
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    spellings = f"'{plain}':*" if "." in plain else f"'{plain}' | '{plain}.0':*"
    condition = Q(metadata__contains=_nested(item.path, item.text))
    json_number: Any = int(number) if number == number.to_integral() else float(number)
    if Decimal(str(json_number)) == number:
        condition |= Q(metadata__contains=_nested(item.path, json_number))
    words = SearchQuery(spellings, search_type="raw", config="simple")
    return condition | (Q(search=words) & same)


def metadata_words(text: str) -> SearchQuery | None:
    """Returns the words that the search column has for every row with this string in its metadata.

    Returns None if this is not certain: for true, false, numbers, texts without a word, and letters
    that change when converted to upper case and back.
    """
    if not _is_worded(text):
        return None
    if text.upper().lower() != text.lower() or not any(c.isascii() and c.isalnum() for c in text):
        return None
    return SearchQuery(text, search_type="plain", config="simple")


def _is_worded(text: str) -> bool:
    """Returns whether a value can be searched by its words: it is not a number, true, false or
    JSON.
    """
    return not (text.lower() in BOOLEANS or text.startswith(("[", "{")) or is_number(text)) and any(
        c.isalnum() for c in text
    )


def _number(text: str) -> Decimal | None:
    if text.startswith("-") and (absolute := parse_figure(text[1:])) is not None:
        return -absolute
    return parse_figure(text)


def _is_canonical_number(path: Sequence[str]) -> Regex:
    return Regex(text_at(path), CANONICAL_NUMBER_PATTERN)


def _words_at(path: Sequence[str]) -> Func:
    """Returns the words of the texts at a path, also inside a list or an object."""
    return Func(
        _at(path, "#>", JSONField()),
        template="jsonb_to_tsvector('simple', %(expressions)s, '[\"string\"]')",
        output_field=SearchVectorField(),
    )


def _in_range(path: Sequence[str], bounds: Bounds) -> Q:
    text = text_at(path)
    exact = Func(text, template="(%(expressions)s)::numeric", output_field=DecimalField())
    number = Case(When(Regex(text, NUMBER_PATTERN), then=exact), output_field=DecimalField())
    condition = Q()
    for lookup, value in bounds:
        condition &= Q(LOOKUP_CLASSES[lookup](number, value))
    return condition


def _nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    for key in reversed(path):
        value = {key: value}
    nested: dict[str, Any] = value
    return nested


def _at(path: Sequence[str], operator: str, output_field: Any) -> Func:
    return Func(
        F("metadata"),
        Value(list(path), ArrayField(TextField())),
        template="(%(expressions)s)",
        arg_joiner=f" {operator} ",
        output_field=output_field,
    )
