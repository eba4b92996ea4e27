"""The parts of a search condition, and functions that build and combine them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchRank
from django.db.models import (
    BooleanField,
    Case,
    F,
    FloatField,
    Func,
    Q,
    TextField,
    Value,
    When,
)

from ledger.db.queries.conditions import IsListed, TextAt
from ledger.db.queries.tsqueries import LexemeQuery
from ledger.db.queries.words import LowerText
from transactions.search.language.query import ParsedQuery, QueryItem
from transactions.search.sql.name_lookup import word_query
from transactions.synonyms.matches import SynonymMatch

SPELLED = 0.1  # less than the difference between two weights of ts_rank
MERCHANT_CODE = TextAt("metadata", path="merchant,mcc")
DIRECT = 10.0  # more than all other parts of a rank together


@dataclass(frozen=True, slots=True)
class ConditionPart:
    """The condition of one item. It consists of a tsquery on the search column, a Q on other
    columns, or both.

    If both are set, a row must match both. For a negated item, `rest` must be the complete
    condition.
    """

    lexemes: Any = None
    rest: Q | None = None


@dataclass(frozen=True, slots=True)
class SynonymHits:
    """The synonyms of one word in a query, with the conditions that decide which synonym a row
    shows. `direct` is the condition for rows that the word finds without a synonym. `found`
    contains the name and the condition of each synonym. The name is a Value, so that all names have
    the same SQL: see `CompiledOnce`.
    """

    direct: Q
    found: tuple[tuple[Value, Q], ...]

    @property
    def name(self) -> Any:
        """An expression for the name of the first synonym that finds the row. It is "" for rows
        that the word itself finds.
        """
        cases = [When(rows, then=name) for name, rows in self.found]
        return Case(When(self.direct, then=Value("")), *cases, default=Value(""))


@dataclass(frozen=True, slots=True)
class Condition:
    """The condition of a whole query, and the parts that rank the rows.

    `where` is the filter. `words` is the tsquery of the words, which ranks and highlights rows. If
    the query has no words, `words` is None. `named` is the tsquery of the accounts that the words
    refer to. `noted` is the condition for rows whose annotation contains a word.
    `spelled` is the condition for rows that contain a word as it was typed, with its accents.
    `synonyms` contains the synonyms of the words. If there are any, `direct` is the condition for
    rows that the query finds without synonyms. Every such row also meets `where`.
    """

    where: Q
    words: Any = None
    named: Any = None
    noted: Q | None = None
    spelled: Q | None = None
    synonyms: tuple[SynonymHits, ...] = ()
    direct: Q | None = None

    @property
    def found_by(self) -> Any:
        """An expression for an array of texts, one for each word with synonyms: the name of the
        synonym that found the row, or "". The array is empty for rows that the query finds without
        synonyms. See `synonyms_of`.
        """
        texts = ArrayField(TextField())
        names = [hits.name for hits in self.synonyms]
        array = Func(*names, template="ARRAY[%(expressions)s]", output_field=texts)
        return Case(When(self.direct, then=Value([], texts)), default=array)

    @property
    def rank(self) -> Any:
        """An expression for the rank: the ts_rank of the words, plus 1 if a name matches, plus 1 if
        an annotation matches, plus SPELLED if a word is spelled as typed, plus DIRECT if the row is
        found without synonyms.
        """
        rank: Any = SearchRank(F("search"), self.words)
        named = None if self.named is None else Q(search=self.named)
        bonuses = ((named, 1.0), (self.noted, 1.0), (self.spelled, SPELLED), (self.direct, DIRECT))
        for matches, bonus in bonuses:
            if matches:
                rank += Case(
                    When(matches, then=Value(bonus)), default=Value(0.0), output_field=FloatField()
                )
        return rank


def is_none(item: QueryItem) -> bool:
    """Returns whether the item's value is `none` without quotes, as in category:none."""
    return item.text.lower() == "none" and not item.is_quoted


def in_category(item: QueryItem, path: str = "") -> Q:
    """Returns the condition for rows whose category is the item's value. Upper and lower case are
    equal. The value `none` matches rows without a category.

    `path` is the lookup prefix of a related transaction, such as "reverses__".
    """
    if is_none(item):
        return Q(**{f"{path}category": None}) | Q(**{f"{path}category": ""})
    return Q(**{f"{path}category__iexact": item.text})


def bounded(column: str, bounds: Iterable[tuple[str, Any]]) -> Q:
    """Returns the condition for rows whose column meets all bounds. A bound is a pair of a lookup
    and a value.
    """
    return Q(**{f"{column}__{lookup}": value for lookup, value in bounds})


def has_kind(synonyms: Iterable[SynonymMatch]) -> Q:
    """Returns the condition for rows with a category or merchant code of at least one synonym.
    Compares the bank's category, not the reader's own category. So a rule finds the same rows after
    it has set the reader's own category.
    """
    found = [*synonyms]
    categories = sorted({name for one in found for name in one.categories})
    codes = sorted({code for one in found for code in one.merchant_codes})
    condition = Q(IsListed.among(categories, LowerText("category"))) if categories else Q()
    return condition | Q(IsListed.among(codes, MERCHANT_CODE)) if codes else condition


def note_query(query: ParsedQuery) -> Any:
    """Returns the tsquery whose words are highlighted in annotations: the words of the query and
    the values of `note:`.

    Returns None if the query has no words and no fields that search annotations. If the query has
    only fields such as `has:note`, returns a lexeme that no text contains. The annotation is then
    shown without highlights.
    """
    items = [*query.words, *(item for item in query.notes if item.kind == "note")]
    words = [word_query(item) for item in items]
    return any_of(words) if words or not query.notes else LexemeQuery("'@'")


def all_of(queries: list[Any]) -> Any:
    """Returns all queries, combined with AND. The list must not be empty."""
    return reduce(and_, queries)


def any_of(queries: list[Any]) -> Any:
    """Returns all queries, combined with OR. Returns None if the list is empty."""
    return reduce(or_, queries) if queries else None


def negated(condition: Q) -> Q:
    """Returns the condition for rows that do not meet `condition`. Rows for which `condition` is
    NULL, because a column or key is missing, are included.
    """
    return Q(
        Case(
            When(condition, then=Value(False)),
            default=Value(True),
            output_field=BooleanField(),
        )
    )
