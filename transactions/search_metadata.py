"""Conditions on keys of the metadata, at any depth, that no shape of it can break."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchQuery
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

from transactions.query_language import Item
from transactions.query_words import TYPED_AMOUNT, Bounds, figure

COMPARE = {
    "exact": Exact,
    "gt": GreaterThan,
    "gte": GreaterThanOrEqual,
    "lt": LessThan,
    "lte": LessThanOrEqual,
}
LIKE_A_NUMBER = r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$"
NO_STRINGS = ("true", "false", "null")  # JSON's own words, which the search column leaves out


# Note [Values of the bank]: of "upper(value) = upper('card')" Postgres has no statistics and
# takes one row in 200 to fit; it then gathers 700,000 rows by the index of the words, to sort
# them. Containment of the value as typed, or in small letters, it can judge by its statistics:
# what is common is met on the way back through the newest rows, what is rare by the indexes of
# metadata and words together. Both ways find each row that fits, whatever its case.


def has_key(path: Sequence[str]) -> Q:
    """Rows that have the key, whatever is in it."""
    return Q(IsNull(_at(path, "#>", JSONField()), False))


def text_at(path: Sequence[str]) -> Func:
    """What stands there as text: a string bare, anything else as JSON."""
    return _at(path, "#>>", TextField())


def meets(item: Item, *, is_bank: bool) -> Q:
    """Rows where the key has this value, whatever its case, or a number in this range.

    Over the whole bank, numbers and true or false are asked by containment, which the GIN index
    of the metadata answers; texts are found as in Note [Values of the bank].
    """
    if item.value is not None:
        return _in_range(item.path, item.value)
    number = None if item.literal else _number(item.text)
    if is_bank and (number is not None or item.text.lower() in NO_STRINGS[:2]):
        return _contains(item, number)
    same = Q(IExact(text_at(item.path), item.text))
    if number is not None:
        return same | _in_range(item.path, (("exact", number),))
    return as_written(item.path, item.text, same) if is_bank else same


def as_written(path: Sequence[str], text: str, same: Q) -> Q:
    """Rows of the whole bank with a value, see Note [Values of the bank].

    `same` is the condition without regard to case.
    """
    words = words_of(text)
    held = Q(metadata__contains=_nested(path, text))
    if text != text.lower():
        held |= Q(metadata__contains=_nested(path, text.lower()))
    return held | (same if words is None else Q(search=words) & same)


def _contains(item: Item, number: Decimal | None) -> Q:
    plain: Any = item.text.lower() == "true"
    if number is not None:
        plain = int(number) if number == number.to_integral() else float(number)
    return Q(metadata__contains=_nested(item.path, plain)) | Q(
        metadata__contains=_nested(item.path, item.text)
    )


def words_of(text: str) -> SearchQuery | None:
    """The words that a row with this string in its metadata has in its search column.

    None where that is not certain: for JSON's own words, for numbers, for what has no word, and
    for letters whose upper and lower case are not each other's.
    """
    if text.lower() in NO_STRINGS or text.startswith(("[", "{")) or TYPED_AMOUNT.fullmatch(text):
        return None
    if text.upper().lower() != text.lower() or not any(c.isascii() and c.isalnum() for c in text):
        return None
    return SearchQuery(text, search_type="plain", config="simple")


def _number(text: str) -> Decimal | None:
    if text.startswith("-") and (below := figure(text[1:])) is not None:
        return -below
    return figure(text)


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
