"""Conditions on keys of the metadata, at any depth, that no shape of it can break."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery, SearchVectorField
from django.db.models import Case, DecimalField, F, Func, JSONField, Q, TextField, Value, When
from django.db.models.functions import Cast
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

from ledger.db.tsqueries import Matching
from transactions.search.language.tree import QueryItem
from transactions.search.language.values import Bounds, figure, reads_as_figure

COMPARE = {
    "exact": Exact,
    "gt": GreaterThan,
    "gte": GreaterThanOrEqual,
    "lt": LessThan,
    "lte": LessThanOrEqual,
}
LIKE_A_NUMBER = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$"
LIKE_ITS_NUMBER = r"^(?!-0(\.0*)?$)-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?$"  # no 007
BOOLEANS = ("true", "false")  # which the search column leaves out


# Note [Values of the bank]: of "upper(value) = upper('card')" Postgres has no statistics and
# takes one row in 200 to fit; it then gathers 700,000 rows by the index of the words, to sort
# them. Containment of the value as typed, or in small letters, it can judge by its statistics:
# what is common is met on the way back through the newest rows, what is rare by the indexes of
# metadata and words together. Containment only adds what fits anyhow: the rows of the bank that
# meet an item are those that would meet it among one's own.


def has_key(path: Sequence[str]) -> Q:
    """Rows that have the key, whatever is in it."""
    return Q(IsNull(_at(path, "#>", JSONField()), False))


def text_at(path: Sequence[str]) -> Func:
    """What stands there as text: a string bare, anything else as JSON."""
    return _at(path, "#>>", TextField())


def meets(item: QueryItem, *, is_bank: bool) -> Q:
    """Rows where the key has this value: the same ones whether they are the reader's own or the
    whole bank's, which are met as in Note [Values of the bank].

    A number is compared as one, or with the text as typed. A word is a word of the value, or of
    the texts inside it; in quotes it is the whole of it. Case never tells.
    """
    if item.value is not None:
        return _in_range(item.path, item.value)
    same = Q(IExact(text_at(item.path), item.text))
    number = None if item.literal else _number(item.text)
    if number is not None:
        same |= Q(_like_a_number(item.path), _in_range(item.path, (("exact", number),)))
    if not item.literal:
        same |= _has_words(item)
    if not is_bank:
        return same
    if number is not None:
        return _numbers_of_bank(item, number, same)
    return as_written(item.path, item.text, same)


def _has_words(item: QueryItem) -> Q:
    """Rows with these words in the value. Words of the value are words of the row, by the same
    parser, so that the index may be asked first; text in which it sees no word has none."""
    if not _is_worded(item.text):
        return Q()
    words = SearchQuery(item.text, search_type="plain", config="simple")
    return Q(search=words) & Q(Matching(_words_at(item.path), words))


def as_written(path: Sequence[str], text: str, same: Q) -> Q:
    """Rows of the whole bank with a value, see Note [Values of the bank].

    `same` is the condition without regard to case.
    """
    words = words_of(text)
    held = Q(metadata__contains=_nested(path, text))
    if text != text.lower():
        held |= Q(metadata__contains=_nested(path, text.lower()))
    if text.lower() in BOOLEANS:
        held |= Q(metadata__contains=_nested(path, text.lower() == "true"))
        words = SearchQuery(text, search_type="plain", config="simple")  # of the text "True"
    return held | (same if words is None else Q(search=words) & same)


def _numbers_of_bank(item: QueryItem, number: Decimal, same: Q) -> Q:
    """Rows with the number, however many zeros it ends in: 13.4 is written 13.4, 13.40 …"""
    plain = format(number.normalize(), "f")
    spelled = f"'{plain}':*" if "." in plain else f"'{plain}' | '{plain}.0':*"
    held = Q(metadata__contains=_nested(item.path, item.text))
    json_number: Any = int(number) if number == number.to_integral() else float(number)
    if Decimal(str(json_number)) == number:
        held |= Q(metadata__contains=_nested(item.path, json_number))
    words = SearchQuery(spelled, search_type="raw", config="simple")
    return held | (Q(search=words) & same)


def words_of(text: str) -> SearchQuery | None:
    """The words that a row with this string in its metadata has in its search column.

    None where that is not certain: for true and false, for numbers, for what has no word, and
    for letters whose upper and lower case are not each other's.
    """
    if not _is_worded(text):
        return None
    if text.upper().lower() != text.lower() or not any(c.isascii() and c.isalnum() for c in text):
        return None
    return SearchQuery(text, search_type="plain", config="simple")


def _is_worded(text: str) -> bool:
    """Whether words of a value are asked for: not of a number, of true and false, of JSON."""
    return not (
        text.lower() in BOOLEANS or text.startswith(("[", "{")) or reads_as_figure(text)
    ) and any(c.isalnum() for c in text)


def _number(text: str) -> Decimal | None:
    if text.startswith("-") and (below := figure(text[1:])) is not None:
        return -below
    return figure(text)


def _like_a_number(path: Sequence[str]) -> Regex:
    return Regex(text_at(path), LIKE_ITS_NUMBER)


def _words_at(path: Sequence[str]) -> Func:
    """The words of the texts at a key, also of those inside a list or an object there."""
    return Func(
        _at(path, "#>", JSONField()),
        template="jsonb_to_tsvector('simple', %(expressions)s, '[\"string\"]')",
        output_field=SearchVectorField(),
    )


def _in_range(path: Sequence[str], bounds: Bounds) -> Q:
    text = text_at(path)
    exact: Any = DecimalField(max_digits=60, decimal_places=30)
    number = Case(When(Regex(text, LIKE_A_NUMBER), then=Cast(text, exact)), output_field=exact)
    held = Q()
    for lookup, value in bounds:
        held &= Q(COMPARE[lookup](number, value))
    return held


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
