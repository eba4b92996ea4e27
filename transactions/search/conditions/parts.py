"""What conditions of a search are made of: parts that join, and what each kind of item asks."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.search import SearchRank
from django.db.models import BooleanField, Case, F, FloatField, Q, Value, When

from ledger.db.tsqueries import LexemeQuery
from transactions.search.conditions.names import name_query
from transactions.search.language.tree import ParsedQuery, QueryItem


@dataclass(frozen=True, slots=True)
class ConditionPart:
    """What an item asks: of the search column, of other columns; both hold where both are.

    `rest` alone has to be the whole of it: shut out, it is what is negated.
    """

    lexemes: Any = None
    rest: Q | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What a query asks of rows, what its words are (to rank and mark by, None without any),
    the lexemes of whom they name, and which rows the reader notes them of."""

    where: Q
    words: Any = None
    named: Any = None
    noted: Q | None = None

    @property
    def rank(self) -> Any:
        """How well a row fits: by its words, and one more each for a name and for a note."""
        rank: Any = SearchRank(F("search"), self.words)
        beside = [Q(search=self.named)] if self.named is not None else []
        for fits in [*beside, *([self.noted] if self.noted else [])]:
            rank += Case(When(fits, then=Value(1.0)), default=Value(0.0), output_field=FloatField())
        return rank


def is_none(item: QueryItem) -> bool:
    return item.text.lower() == "none" and not item.literal


def in_category(item: QueryItem, path: str = "") -> Q:
    """Rows of a category, whatever its case, or of none; `path` leads from them to those meant."""
    if is_none(item):
        return Q(**{f"{path}category": None}) | Q(**{f"{path}category": ""})
    return Q(**{f"{path}category__iexact": item.text})


def bounded(column: str, bounds: Iterable[tuple[str, Any]]) -> Q:
    return Q(**{f"{column}__{lookup}": value for lookup, value in bounds})


def words_asked(item: QueryItem) -> Any:
    """A word as a beginning; a phrase, and a word that is excluded, exactly."""
    return guarded(name_query(item), item.text)


def noted_words(query: ParsedQuery) -> Any:
    """The words to mark in notes, the query's own and those after note:. None where no note
    is of interest; where one is and no word, a lexeme that no text has."""
    said = [*query.words, *(item for item in query.notes if item.kind == "note")]
    words = [words_asked(item) for item in said]
    return either(words) if words or not query.notes else LexemeQuery("'@'")


def guarded(asked: Any, text: str) -> Any:
    """Beside a text in which Postgres may see no word (a tag, letters it does not know), a
    lexeme that no row has: a query without words would ask nothing of a row."""
    return asked if text.isascii() and text.isalnum() else asked | LexemeQuery("'@'")


def all_of(asked: list[Any]) -> Any:
    return reduce(lambda one, other: one & other, asked)


def either(asked: list[Any]) -> Any:
    return reduce(or_, asked) if asked else None


def negated(condition: Q) -> Q:
    """The rows that do not meet it, those without the column or key too: never NULL."""
    return Q(
        Case(
            When(condition, then=Value(False)),
            default=Value(True),
            output_field=BooleanField(),
        )
    )
