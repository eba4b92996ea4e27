"""The parts of a search condition, and helpers that build and join them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.search import SearchRank
from django.db.models import BooleanField, Case, F, FloatField, Q, Value, When

from ledger.db.queries.tsqueries import LexemeQuery
from transactions.search.language.query import ParsedQuery, QueryItem
from transactions.search.sql.name_lookup import name_query

NO_ROWS = Q(pk__in=[])  # Django runs no query for this condition


@dataclass(frozen=True, slots=True)
class ConditionPart:
    """The condition of one item: a tsquery on the search column, a Q on other columns, or both.

    A row must meet both. For a negated item, `rest` must be the complete condition.
    """

    lexemes: Any = None
    rest: Q | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a whole query, and the parts that rank the rows.

    `where` filters. `words` is the tsquery of the words, for rank and highlights, or None without
    words. `named` is the tsquery of the accounts that words refer to. `noted` finds rows whose
    annotation has a word.
    """

    where: Q
    words: Any = None
    named: Any = None
    noted: Q | None = None

    @property
    def rank(self) -> Any:
        """The ts_rank of the words, plus 1 for a matching name and 1 for a matching annotation."""
        rank: Any = SearchRank(F("search"), self.words)
        bonuses = [Q(search=self.named)] if self.named is not None else []
        for matches in [*bonuses, *([self.noted] if self.noted else [])]:
            rank += Case(
                When(matches, then=Value(1.0)), default=Value(0.0), output_field=FloatField()
            )
        return rank


def is_none(item: QueryItem) -> bool:
    """Returns whether the value is `none` without quotes, as in category:none."""
    return item.text.lower() == "none" and not item.is_quoted


def in_category(item: QueryItem, path: str = "") -> Q:
    """Returns the condition for rows of the item's category, ignoring case. For `none` it matches
    rows without a category.

    `path` is the lookup of a related transaction, such as "reverses__".
    """
    if is_none(item):
        return Q(**{f"{path}category": None}) | Q(**{f"{path}category": ""})
    return Q(**{f"{path}category__iexact": item.text})


def bounded(column: str, bounds: Iterable[tuple[str, Any]]) -> Q:
    """Returns the condition for rows whose column meets all bounds."""
    return Q(**{f"{column}__{lookup}": value for lookup, value in bounds})


def word_query(item: QueryItem) -> Any:
    """Returns the tsquery of a word: see `name_query`. It is never empty."""
    return never_empty(name_query(item), item.text)


def note_query(query: ParsedQuery) -> Any:
    """Returns the tsquery to highlight in annotations: words of the query and values of `note:`.

    Returns None if the query has neither words nor annotation fields. If it has only fields such as
    `has:note`, returns a lexeme that no text contains, so the annotation is shown without marks.
    """
    items = [*query.words, *(item for item in query.notes if item.kind == "note")]
    words = [word_query(item) for item in items]
    return any_of(words) if words or not query.notes else LexemeQuery("'@'")


def never_empty(query: Any, text: str) -> Any:
    """Adds a lexeme that no row has if Postgres may find no word in the text (a tag, an emoji).

    Otherwise the tsquery would be empty, and an empty tsquery in a larger one is ignored.
    """
    return query if text.isascii() and text.isalnum() else query | LexemeQuery("'@'")


def all_of(queries: list[Any]) -> Any:
    """Joins queries with AND. The list must not be empty."""
    return reduce(and_, queries)


def any_of(queries: list[Any]) -> Any:
    """Joins queries with OR. Returns None for an empty list."""
    return reduce(or_, queries) if queries else None


def negated(condition: Q) -> Q:
    """Returns the condition for rows that do not meet a condition, even if it is NULL because a
    column or key is missing.
    """
    return Q(
        Case(
            When(condition, then=Value(False)),
            default=Value(True),
            output_field=BooleanField(),
        )
    )
