"""A query's tree as conditions that the indexes answer.

Words, names and accounts become one tsquery over the stored search column, which meets the
lexemes of the reader's own accounts in the same GIN index; whatever else is asked stands beside
it. The condition on the accounts themselves comes from the reach, always: a lexeme is for
speed, never for permission.

A new field is a line in `query_words.FIELDS` and one in `Terms.fields`; a new word after has:
one in `HAS_WORDS` and in `HAS`. What also answers to bare words (a note, a tag) comes in by
`Terms.beside`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import BooleanField, Case, Exists, F, OuterRef, Q, Value, When
from django.utils import timezone

from accounts.models import User
from transactions.annotation_search import Ids, annotated, noted, one_of, tagged
from transactions.common_words import is_common_beginning
from transactions.models import Note, Transaction
from transactions.query_language import (
    AMOUNT,
    HAS_META,
    META,
    PHRASE,
    WORD,
    Item,
    Query,
)
from transactions.search_accounts import accounts_meant
from transactions.search_dialects import Dialect
from transactions.search_metadata import as_written, has_key, meets, words_of
from transactions.search_names import (
    MOST_NOTED,
    NOBODY,
    Named,
    Names,
    beginning,
    name_query,
)
from transactions.tsqueries import LexemeQuery, Matching, Whole, any_of, lexeme_of

MOST_LEXEMES = 500  # accounts of a reader that go into the query of the search column
NOTHING = Q(currency__in=[])
WITHOUT_CATEGORY = Q(category=None) | Q(category="")
HAS: Mapping[str, Callable[[User], Ids]] = {"note": noted, "tag": tagged}


@dataclass(frozen=True, slots=True)
class Part:
    """What an item asks: of the search column, of other columns; both hold where both are."""

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


class Terms:
    """The items of a query as parts of a condition."""

    def __init__(self, dialect: Dialect, names: Names) -> None:
        self.dialect, self.names = dialect, names
        self.reach = dialect.reach
        self.fields: Mapping[str, Callable[[Item], Part]] = {
            WORD: self._word,
            PHRASE: self._word,
            AMOUNT: self._signed,
            META: self._meta,
            HAS_META: lambda item: Part(rest=has_key(item.path)),
            "to": self._side,
            "from": self._side,
            "with": self._side,
            "account": self._account,
            "amount": lambda item: Part(rest=_bounded("amount", item.value)),
            "currency": lambda item: Part(rest=Q(currency=item.value)),
            "date": lambda item: Part(rest=_bounded("created_at", item.value)),
            "weekday": lambda item: Part(rest=Q(created_at__iso_week_day=item.value)),
            "hour": lambda item: Part(rest=Q(created_at__hour=item.value)),
            "joined": self._joined,
            "category": self._category,
            "refunds": self._refunds,
            "is": lambda item: Part(rest=self._is(item.value)),
            "type": lambda item: Part(rest=Q(type=item.value)),
            "ref": self._reference,
            "tag": lambda item: self._noted_by(item, lambda me: tagged(me, item.value)),
            "note": lambda item: self._noted_by(item, lambda me: noted(me, _words(item))),
            "has": lambda item: self._noted_by(item, HAS[item.value]),
            "id": lambda item: Part(rest=Q(**{self.dialect.pk: item.value})),
        }

    def beside(self, item: Item) -> Q | None:
        """What a bare word also means besides words of the row, names and an amount: what the
        reader notes of a row. Few of those are known by id, see `search_names`."""
        ids = self._of(item).noted
        if self.reach.is_bank or not ids:
            return None
        if len(ids) <= MOST_NOTED:
            return Q(**{f"{self.dialect.pk}__in": ids})
        return self._one_of(annotated(self.reach.reader, name_query(item)), item)

    def _noted_by(self, item: Item, asked: Callable[[User], Ids]) -> Part:
        """Rows that the reader says something of; notes are nobody's over the whole bank."""
        if self.reach.is_bank:
            return Part(rest=NOTHING)
        return Part(rest=self._one_of(asked(self.reach.reader), item))

    def _one_of(self, ids: Ids, item: Item) -> Q:
        """See Note [One of]; shut out, each of the reader's rows is looked up in a hash of them."""
        return Q(**{f"{self.dialect.pk}__in": ids}) if item.is_not else one_of(ids, self.dialect.pk)

    def condition(self, query: Query) -> Condition:
        """Rows that meet one of the groups. Without anything asked, every row."""
        groups = [self._group(group) for group in query.groups]
        words = [_words(item) for item in query.words]
        named = [ids for item in query.words if (ids := self._named(item)) is not None]
        beside = [rows for item in query.words if (rows := self.beside(item)) is not None]
        where = reduce(or_, groups) if groups else Q()
        return Condition(where, _either(words), _either(named), _either(beside))

    def _group(self, items: list[Item]) -> Q:
        parts = [self._part(item) for item in items]
        asked = [part.lexemes for part in parts if part.lexemes is not None]
        rest = [part.rest for part in parts if part.rest is not None]
        held = Q(search=self._within(_all(asked))) if asked else Q()
        for condition in rest:
            held &= condition
        return held

    def _part(self, item: Item) -> Part:
        part = self.fields[item.kind](item)
        if not item.is_not:
            return part
        if part.rest is None:
            return Part(Whole(part.lexemes, invert=True))
        return Part(None, _not(part.rest))

    def _within(self, asked: Any) -> Any:
        """The lexemes of the reader's own accounts beside what is asked."""
        ids = self.reach.ids
        if not ids or len(ids) > MOST_LEXEMES:
            return asked
        return LexemeQuery(any_of(ids)) & asked

    def _word(self, item: Item) -> Part:
        """Words of the row, or a name on its other side, or its amount."""
        asked, named = _words(item), self._named(item)
        asked = asked if named is None else asked | named
        others = [self.beside(item)]
        if self._of(item).are_many:
            others.append(self.dialect.strangers_named(name_query(item)))
        if item.amount is not None:
            others.append(Q(amount=item.amount))
        rest = [condition for condition in others if condition is not None]
        if self._reads_own_rows(item):
            return Part(None, reduce(or_, rest, Q(Matching(F("search"), asked))))
        if not rest:
            return Part(asked)
        return Part(None, reduce(or_, rest, Q(search=self._within(asked))))

    def _reads_own_rows(self, item: Item) -> bool:
        """Whether a beginning is so common that the index is left aside."""
        is_beginning = item.kind == WORD and not item.is_not
        return is_beginning and not self.reach.is_bank and is_common_beginning(item.text)

    def _of(self, item: Item) -> Named:
        return self.names.get(item.source, NOBODY)

    def _named(self, item: Item) -> Any:
        """The lexemes of the accounts that a word names, on the other side of the reader's own."""
        known = self._of(item)
        texts = [] if known.are_many else [lexeme_of(other) for other in known.others]
        for own in known.own:
            rest = [account for account in self.reach.ids if account != own]
            if own not in self.reach.ids:
                texts.append(lexeme_of(own))
            elif rest:
                texts.append(f"({lexeme_of(own)} & ({any_of(rest)}))")
        return LexemeQuery(" | ".join(texts)) if texts else None

    def _side(self, item: Item) -> Part:
        known = self._of(item)
        if known.are_many:
            own = self.dialect.sides(item.kind, known.own) if known.own else NOTHING
            return Part(rest=self.dialect.named(item.kind, name_query(item)) | own)
        ids = [*known.others, *known.own]
        if not ids:
            return Part(rest=NOTHING)
        return Part(LexemeQuery(any_of(ids)), self.dialect.sides(item.kind, ids))

    def _account(self, item: Item) -> Part:
        if self.reach.is_bank:
            return self._side(item)
        ids = [account.pk for account in accounts_meant(item, self.reach.accounts)]
        if not ids:
            return Part(rest=NOTHING)
        return Part(LexemeQuery(any_of(ids)), self.dialect.sides("account", ids))

    def _signed(self, item: Item) -> Part:
        way = "in" if item.value == "+" else "out"
        return Part(rest=Q(amount=item.amount) & self.dialect.moved(way))

    def _meta(self, item: Item) -> Part:
        is_text = item.value is None and not self.reach.is_bank
        words = words_of(item.text) if is_text else None
        return Part(words, meets(item, is_bank=self.reach.is_bank))

    def _joined(self, item: Item) -> Part:
        """When somebody joined is told to those alone who may read the bank."""
        is_bank = self.reach.is_bank
        return Part(
            rest=_bounded("from_account__user__created_at", item.value) if is_bank else NOTHING
        )

    def _refunds(self, item: Item) -> Part:
        """By a refund's own category, or without one by that of the payment it gives back."""
        own = NOTHING if _is_none(item) else _in_category(item)
        paid_for = WITHOUT_CATEGORY & _in_category(item, "reverses__")
        return Part(rest=Q(reverses__isnull=False) & (own | paid_for))

    def _category(self, item: Item) -> Part:
        same = _in_category(item)
        if _is_none(item):
            return Part(rest=same)
        if self.reach.is_bank:
            return Part(rest=as_written(("category",), item.text, same))
        return Part(words_of(item.text), same)

    def _reference(self, item: Item) -> Part:
        if any(character.isalnum() for character in item.text):
            return Part(_guarded(beginning(item.text, "B"), item.text))
        return Part(rest=Q(reference__contains=item.text))

    def _is(self, word: str) -> Q:
        over = Q(expires_at__lte=timezone.now())
        if self.dialect.pk != "pk":
            over = NOTHING  # entries are booked: no hold is among them
        let_go = Exists(
            Note.objects.filter(transaction=OuterRef(self.dialect.pk), action="release")
        )
        given_back = Transaction.objects.filter(reverses=OuterRef(self.dialect.pk))
        if word in ("in", "out", "own"):
            return self.dialect.moved(word)
        if word in ("transfer", "deposit", "withdrawal"):
            return Q(type=word)
        return {
            "booked": Q(status="completed"),
            "pending": Q(status="pending"),
            "captured": Q(status="captured"),
            "released": Q(status="voided") & (_not(over) | Q(let_go)),
            "expired": over & (Q(status="pending") | (Q(status="voided") & ~Q(let_go))),
            "hold": Q(status__in=["pending", "captured", "voided"]),
            "refund": Q(reverses__isnull=False),
            "refunded": Q(Exists(given_back.filter(status="completed"))),
        }[word]


def _is_none(item: Item) -> bool:
    return item.text.lower() == "none" and not item.literal


def _in_category(item: Item, path: str = "") -> Q:
    """Rows of a category, whatever its case, or of none; `path` leads from them to those meant."""
    if _is_none(item):
        return Q(**{f"{path}category": None}) | Q(**{f"{path}category": ""})
    return Q(**{f"{path}category__iexact": item.text})


def _bounded(column: str, bounds: Iterable[tuple[str, Any]]) -> Q:
    return Q(**{f"{column}__{lookup}": value for lookup, value in bounds})


def _words(item: Item) -> Any:
    """A word as a beginning; a phrase, and a word that is excluded, exactly."""
    return _guarded(name_query(item), item.text)


def noted_words(query: Query) -> Any:
    """The words to mark in notes, the query's own and those after note:. None where no note
    is of interest; where one is and no word, a lexeme that no text has."""
    said = [*query.words, *(item for item in query.notes if item.kind == "note")]
    words = [_words(item) for item in said]
    return _either(words) if words or not query.notes else LexemeQuery("'@'")


def _guarded(asked: Any, text: str) -> Any:
    """Beside a text in which Postgres may see no word (a tag, letters it does not know), a
    lexeme that no row has: a query without words would ask nothing of a row."""
    return asked if text.isascii() and text.isalnum() else asked | LexemeQuery("'@'")


def _all(asked: list[Any]) -> Any:
    return reduce(lambda one, other: one & other, asked)


def _either(asked: list[Any]) -> Any:
    return reduce(or_, asked) if asked else None


def _not(condition: Q) -> Q:
    """The rows that do not meet it, those without the column or key too: never NULL."""
    return Q(
        Case(
            When(condition, then=Value(False)),
            default=Value(True),
            output_field=BooleanField(),
        )
    )
