"""Conditions on metadata keys at any depth. The conditions never raise an error, whatever JSON a
row contains.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
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
from ledger.db.queries.words import WordQuery, joined
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
# A numeric can have 131,072 digits before the point and 16,383 digits after the point. So every
# number in metadata of at most METADATA_LIMIT bytes can be converted to numeric.
NUMBER_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
# Matches neither 007 nor -0.
CANONICAL_NUMBER_PATTERN = r"^(?!-0(\.0*)?$)-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
BOOLEANS = ("true", "false")  # the search column does not contain these words


# Note [Values of the bank]: Postgres has no statistics for "upper(value) = upper('card')" and
# estimates that one row in 200 matches. So Postgres would collect 700,000 rows through the index of
# the words and sort them. For containment (@>) of the value as typed or in lower case, Postgres has
# statistics. With these statistics, Postgres finds common values while it reads the newest rows
# first, and finds rare values through the indexes of metadata and words together. Every row that
# matches by containment also matches the other condition. So a value finds the same rows in the
# whole bank and in the reader's own money.


def has_key(path: Sequence[str]) -> Q:
    """Returns the condition for rows whose metadata has the key, with any value."""
    return Q(IsNull(_at(path, "#>", JSONField()), False))


def text_at(path: Sequence[str]) -> Func:
    """Returns an expression for the metadata value at a path, as text. A string has no quotes. Any
    other value is JSON.
    """
    return _at(path, "#>>", TextField())


def has_value(item: QueryItem, *, is_bank: bool) -> Q:
    """Returns the condition for rows whose metadata key has the item's value. Ignores case.

    A number matches equal numbers and the same text. A word matches a word of the value, or a word
    of the texts in an object or list. A quoted item matches only the whole value. With `is_bank`,
    returns another condition, which matches the same rows but is fast for the whole bank, see Note
    [Values of the bank].
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
    """Returns the condition for rows whose metadata value contains all words of the item.

    Postgres first finds candidates through the GIN index, because the search column contains the
    words of the metadata.
    """
    if not _is_worded(item.text):
        return Q()
    words = WordQuery.phrase(item.text)
    return Q(search=words) & Q(MatchesText(_words_at(item.path), words))


def matches_in_bank(path: Sequence[str], text: str, same: Q) -> Q:
    """Returns the condition for rows of the whole bank whose metadata has the value `text`, see
    Note [Values of the bank].

    `same` is the condition that compares the value without regard to case.
    """
    words = metadata_words(text)
    condition = Q(metadata__contains=_nested(path, text))
    if text != text.lower():
        condition |= Q(metadata__contains=_nested(path, text.lower()))
    if text.lower() in BOOLEANS:
        condition |= Q(metadata__contains=_nested(path, text.lower() == "true"))
        # for rows with the text "True"
        words = WordQuery.phrase(text)
    return condition | (same if words is None else Q(search=words) & same)


def _number_in_bank(item: QueryItem, number: Decimal, same: Q) -> Q:
    """Returns the condition for rows of the whole bank whose metadata has the number, with any
    number of zeros at the end: 13.4, 13.40 …
    """
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    condition = Q(metadata__contains=_nested(item.path, item.text))
    json_number: Any = int(number) if number == number.to_integral() else float(number)
    if Decimal(str(json_number)) == number:
        condition |= Q(metadata__contains=_nested(item.path, json_number))
    words = WordQuery.prefix(plain) if "." in plain else WordQuery.phrase(plain)
    return condition | (Q(search=words) & same)


def metadata_words(text: str) -> WordQuery | None:
    """Returns a query for the words of `text`. If the metadata of a row has this string, the search
    column of the row contains these words.

    Returns None for a text whose words may be missing in the search column: true, false, numbers,
    texts without a word, and texts with letters that change when they are converted to upper case
    and back.
    """
    if not _is_worded(text):
        return None
    if text.upper().lower() != text.lower() or not any(c.isascii() and c.isalnum() for c in text):
        return None
    return WordQuery.phrase(text)


def _is_worded(text: str) -> bool:
    """Returns whether the search column contains the words of a metadata value with this text.
    Returns False for numbers, true, false, and the JSON of objects and lists, because their words
    may be missing in the search column.
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
    """Returns an expression for the words of the text at a path, including texts in a list or an
    object.
    """
    return joined(Func(_at(path, "#>", JSONField()), function="search_words"))


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
