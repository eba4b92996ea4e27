"""A query's tree as conditions that the indexes answer.

Words, names and accounts become one tsquery over the stored search column, which meets the
lexemes of the reader's own accounts in the same GIN index; whatever else is asked stands beside
it. The condition on the accounts themselves comes from the scope, always: a lexeme is for
speed, never for permission.

A new field is a line in `search.language.fields.FIELDS` and one in `TermCompiler.fields`; a new
word after `has:` is one in `HAS_WORDS` and in `HAS`. What also answers to bare words (a note,
a tag) comes in by `TermCompiler.beside`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVectorField
from django.db.models import (
    Exists,
    F,
    Func,
    OuterRef,
    Q,
)
from django.utils import timezone

from accounts.models import User
from ledger.db.tsqueries import LexemeQuery, Matching, Whole, any_of, lexeme_of
from transactions.annotations.search import Ids, annotated, noted, one_of, tagged
from transactions.models import StaffReason, Transaction
from transactions.search.conditions.accounts import accounts_meant
from transactions.search.conditions.common_words import is_common_beginning
from transactions.search.conditions.metadata import as_written, has_key, meets, words_of
from transactions.search.conditions.names import (
    MOST_NAMED,
    MOST_NOTED,
    NO_MATCH,
    SIDES,
    NameMatch,
    NameMatches,
    account_ending,
    account_number,
    beginning,
    is_me,
    name_query,
)
from transactions.search.conditions.parts import (
    Condition,
    ConditionPart,
    all_of,
    bounded,
    either,
    guarded,
    in_category,
    is_none,
    negated,
    words_asked,
)
from transactions.search.conditions.sides import SideConditions
from transactions.search.language.tree import (
    AMOUNT,
    HAS_META,
    META,
    PHRASE,
    WORD,
    ParsedQuery,
    QueryItem,
)

MOST_LEXEMES = 500  # accounts of a reader that go into the query of the search column
NOTHING = Q(currency__in=[])
WITHOUT_CATEGORY = Q(category=None) | Q(category="")
HAS: Mapping[str, Callable[[User], Ids]] = {"note": noted, "tag": tagged}


class TermCompiler:
    """The items of a query as parts of a condition."""

    def __init__(self, dialect: SideConditions, names: NameMatches) -> None:
        self.dialect, self.names = dialect, names
        self.scope = dialect.scope
        self.fields: Mapping[str, Callable[[QueryItem], ConditionPart]] = {
            WORD: self._word,
            PHRASE: self._word,
            META: self._meta,
            HAS_META: lambda item: ConditionPart(rest=has_key(item.path)),
            "to": self._side,
            "from": self._side,
            "with": self._side,
            "account": self._account,
            "amount": lambda item: ConditionPart(rest=bounded("amount", item.value)),
            "currency": lambda item: ConditionPart(rest=Q(currency=item.value)),
            "date": lambda item: ConditionPart(rest=bounded("created_at", item.value)),
            "weekday": lambda item: ConditionPart(rest=Q(created_at__iso_week_day=item.value)),
            "hour": lambda item: ConditionPart(rest=Q(created_at__hour=item.value)),
            "joined": self._joined,
            "category": self._category,
            "refunds": self._refunds,
            "is": lambda item: ConditionPart(rest=self._is(item.value)),
            "type": lambda item: ConditionPart(rest=Q(type=item.value)),
            "ref": self._reference,
            "tag": lambda item: self._noted_by(item, lambda me: tagged(me, item.value)),
            "note": lambda item: self._noted_by(item, lambda me: noted(me, words_asked(item))),
            "has": lambda item: self._noted_by(item, HAS[item.value]),
            "id": lambda item: ConditionPart(rest=Q(**{self.dialect.pk: item.value})),
        }

    def beside(self, item: QueryItem) -> Q | None:
        """What a bare word also means besides words of the row, names and an amount: what the
        reader notes of a row. Few of those are known by id, see `search_names`."""
        ids = self._of(item).noted
        if self.scope.is_bank or not ids:
            return None
        if len(ids) <= MOST_NOTED:
            return Q(**{f"{self.dialect.pk}__in": ids})
        return self._one_of(annotated(self.scope.reader, name_query(item)), item)

    def _noted_by(self, item: QueryItem, asked: Callable[[User], Ids]) -> ConditionPart:
        """Rows that the reader says something of; notes are nobody's over the whole bank."""
        if self.scope.is_bank:
            return ConditionPart(rest=NOTHING)
        return ConditionPart(rest=self._one_of(asked(self.scope.reader), item))

    def _one_of(self, ids: Ids, item: QueryItem) -> Q:
        """See Note [One of]; shut out, each of the reader's rows is looked up in a hash of them."""
        return Q(**{f"{self.dialect.pk}__in": ids}) if item.is_not else one_of(ids, self.dialect.pk)

    def condition(self, query: ParsedQuery) -> Condition:
        """Rows that meet one of the groups. Without anything asked, every row."""
        groups = [self._group(group) for group in query.groups]
        words = [words_asked(item) for item in query.words]
        named = [ids for item in query.words if (ids := self._named(item)) is not None]
        beside = [rows for item in query.words if (rows := self.beside(item)) is not None]
        where = reduce(or_, groups) if groups else Q()
        return Condition(where, either(words), either(named), either(beside))

    def inside(self, query: ParsedQuery) -> tuple[UUID, ...]:
        """The accounts that money comes into and goes out of: those that `account:` names in
        each group. None where one does not, or a name is of too many: then it is the scope."""
        named = [self._named_in(group) for group in query.groups]
        return self._few(named) if all(ids is not None for ids in named) else ()

    def _named_in(self, group: list[QueryItem]) -> list[UUID] | None:
        """The accounts that `account:` names in a group; None where it does not."""
        items = [item for item in group if item.kind == "account" and not item.is_not]
        return [pk for item in items for pk in self._accounts(item)] if items else None

    def _few(self, named: Iterable[list[UUID] | None]) -> tuple[UUID, ...]:
        """Each of the accounts once; none of them where they are too many."""
        every = dict.fromkeys(pk for ids in named for pk in ids or ())
        return tuple(every) if len(every) <= MOST_NAMED else ()

    def _accounts(self, item: QueryItem) -> list[UUID]:
        """The accounts of the scope that an `account:` names."""
        if self.scope.is_bank:
            return self._of(item).others
        return [account.pk for account in accounts_meant(item, self.scope.accounts)]

    def _group(self, items: list[QueryItem]) -> Q:
        inside = self._few([self._named_in(items)])
        parts = [self._part(item, inside) for item in items]
        asked = [part.lexemes for part in parts if part.lexemes is not None]
        rest = [part.rest for part in parts if part.rest is not None]
        held = Q(search=self._within(all_of(asked))) if asked else Q()
        for condition in rest:
            held &= condition
        return held

    def _part(self, item: QueryItem, inside: Sequence[UUID]) -> ConditionPart:
        part = self._moving(item, inside) or self.fields[item.kind](item)
        if not item.is_not:
            return part
        if part.rest is None:
            return ConditionPart(Whole(part.lexemes, invert=True))
        return ConditionPart(None, negated(part.rest))

    def _within(self, asked: Any) -> Any:
        """The lexemes of the reader's own accounts beside what is asked."""
        ids = self.scope.ids
        if not ids or len(ids) > MOST_LEXEMES:
            return asked
        return LexemeQuery(any_of(ids)) & asked

    def _word(self, item: QueryItem) -> ConditionPart:
        """Words of the row, or a name on its other side, or its amount."""
        asked, named = words_asked(item), self._named(item)
        asked = asked if named is None else asked | named
        others = [self.beside(item)]
        if self._of(item).are_many:
            others.append(self.dialect.strangers_named(name_query(item)))
        if item.amount is not None:
            others.append(Q(amount=item.amount))
        rest = [condition for condition in others if condition is not None]
        if self._reads_own_rows(item):
            return ConditionPart(None, reduce(or_, rest, Q(Matching(F("search"), asked))))
        if not rest:
            return ConditionPart(asked)
        return ConditionPart(None, reduce(or_, rest, Q(search=self._within(asked))))

    def _reads_own_rows(self, item: QueryItem) -> bool:
        """Whether a beginning is so common that the index is left aside."""
        is_beginning = item.kind in (WORD, *SIDES) and not (item.is_not or item.literal)
        return is_beginning and not self.scope.is_bank and is_common_beginning(item.text)

    def _of(self, item: QueryItem) -> NameMatch:
        return self.names.get(item.source, NO_MATCH)

    def _named(self, item: QueryItem) -> Any:
        """The lexemes of the accounts that a word names, on the other side of the reader's own."""
        known = self._of(item)
        texts = [] if known.are_many else [lexeme_of(other) for other in known.others]
        for own in known.own:
            rest = [account for account in self.scope.ids if account != own]
            if own not in self.scope.ids:
                texts.append(lexeme_of(own))
            elif rest:
                texts.append(f"({lexeme_of(own)} & ({any_of(rest)}))")
        return LexemeQuery(" | ".join(texts)) if texts else None

    def _side(self, item: QueryItem) -> ConditionPart:
        known, shown = self._of(item), self._shown(item)
        others = [] if shown is None else [shown.rest]
        if known.are_many:
            if account_ending(item):
                return ConditionPart(rest=NOTHING)  # `search_accounts` asks for more of the number
            others.append(self.dialect.named(item.kind, name_query(item)))
            ids = known.own
        else:
            ids = [*known.others, *known.own]
        others += [self.dialect.sides(item.kind, ids)] if ids else []
        rest = reduce(or_, others) if others else NOTHING
        if known.are_many or not others or self._reads_own_rows(item):
            return ConditionPart(rest=rest)
        lexemes = [LexemeQuery(any_of(ids))] if ids else []
        return ConditionPart(either(lexemes + ([] if shown is None else [shown.lexemes])), rest)

    def _shown(self, item: QueryItem) -> ConditionPart | None:
        """Rows that show what they were for as the name: a payment by card has no other side
        in the bank. Only where names are shown, and never for numbers and "me"."""
        is_name = item.kind in SIDES and not (is_me(item) or account_number(item))
        if not (is_name and self.scope.names):
            return None
        words = words_asked(item)
        said = Func(
            F("search"),
            template="ts_filter(%(expressions)s, '{a}')",
            output_field=SearchVectorField(),
        )
        return ConditionPart(words, self.dialect.outside(item.kind) & Q(Matching(said, words)))

    def _account(self, item: QueryItem) -> ConditionPart:
        if self.scope.is_bank:
            return self._side(item)
        ids = self._accounts(item)
        if not ids:
            return ConditionPart(rest=NOTHING)
        return ConditionPart(LexemeQuery(any_of(ids)), self.dialect.sides("account", ids))

    def _moving(self, item: QueryItem, inside: Sequence[UUID]) -> ConditionPart | None:
        """What came in or went out: of the accounts that the group names, if it names any."""
        if item.kind == AMOUNT:
            way = "in" if item.value == "+" else "out"
            return ConditionPart(rest=Q(amount=item.amount) & self.dialect.moved(way, inside))
        if item.kind == "is" and item.value in ("in", "out"):
            return ConditionPart(rest=self.dialect.moved(item.value, inside))
        return None

    def _meta(self, item: QueryItem) -> ConditionPart:
        is_text = item.value is None and not self.scope.is_bank
        words = words_of(item.text) if is_text else None
        return ConditionPart(words, meets(item, is_bank=self.scope.is_bank))

    def _joined(self, item: QueryItem) -> ConditionPart:
        """When somebody joined is told to those alone who may read the bank."""
        is_bank = self.scope.is_bank
        return ConditionPart(
            rest=bounded("from_account__user__created_at", item.value) if is_bank else NOTHING
        )

    def _refunds(self, item: QueryItem) -> ConditionPart:
        """By a refund's own category, or without one by that of the payment it gives back."""
        own = NOTHING if is_none(item) else in_category(item)
        paid_for = WITHOUT_CATEGORY & in_category(item, "reverses__")
        return ConditionPart(rest=Q(reverses__isnull=False) & (own | paid_for))

    def _category(self, item: QueryItem) -> ConditionPart:
        same = in_category(item)
        if is_none(item):
            return ConditionPart(rest=same)
        if self.scope.is_bank:
            return ConditionPart(rest=as_written(("category",), item.text, same))
        return ConditionPart(words_of(item.text), same)

    def _reference(self, item: QueryItem) -> ConditionPart:
        if any(character.isalnum() for character in item.text):
            return ConditionPart(guarded(beginning(item.text, "B"), item.text))
        return ConditionPart(rest=Q(reference__contains=item.text))

    def _is(self, word: str) -> Q:
        over = Q(expires_at__lte=timezone.now())
        if self.dialect.pk != "pk":
            over = NOTHING  # entries are booked: no hold is among them
        let_go = Exists(
            StaffReason.objects.filter(transaction=OuterRef(self.dialect.pk), action="release")
        )
        given_back = Transaction.objects.filter(reverses=OuterRef(self.dialect.pk))
        if word == "own":
            return self.dialect.moved(word)
        if word in ("transfer", "deposit", "withdrawal"):
            return Q(type=word)
        return {
            "booked": Q(status="completed"),
            "pending": Q(status="pending"),
            "captured": Q(status="captured"),
            "released": Q(status="voided") & (negated(over) | Q(let_go)),
            "expired": over & (Q(status="pending") | (Q(status="voided") & ~Q(let_go))),
            "hold": Q(status__in=["pending", "captured", "voided"]),
            "refund": Q(reverses__isnull=False),
            "refunded": Q(Exists(given_back.filter(status="completed"))),
        }[word]
