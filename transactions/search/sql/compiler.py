"""Compiles a parsed query to SQL conditions that can use indexes.

`ConditionCompiler.fields` maps each kind of item to the method that compiles the item. Words, names
and accounts become one tsquery on the search column. The tsquery also contains the lexemes of the
reader's own accounts, so that one GIN index is enough. All other items become Q objects. The
lexemes only make the search fast. The scope's condition on the accounts always decides which rows a
reader may see.

A new field needs an entry in `language.fields.FIELDS` and an entry in `ConditionCompiler.fields`. A
new value of `has:` is registered in `language.has_values`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from operator import and_, or_
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVectorField
from django.db.models import F, Func, Q, QuerySet, Value

from ledger.db.queries.conditions import NO_ROWS, one_of
from ledger.db.queries.tsqueries import (
    GroupedQuery,
    LexemeQuery,
    MatchesText,
    account_lexeme,
    any_account,
)
from ledger.db.queries.words import WordQuery, is_spelled
from transactions.annotations.categories import has_own_category, ids_in_category
from transactions.annotations.search import (
    ids_with_note,
    ids_with_tag,
    ids_with_words,
)
from transactions.search.language.has_values import HAS_VALUES
from transactions.search.language.query import (
    AMOUNT,
    HAS_META,
    META,
    PHRASE,
    WORD,
    ParsedQuery,
    QueryItem,
)
from transactions.search.sql.common_prefixes import is_common_prefix
from transactions.search.sql.condition import (
    Condition,
    ConditionPart,
    SynonymHits,
    all_of,
    any_of,
    bounded,
    has_kind,
    in_category,
    is_none,
    negated,
)
from transactions.search.sql.metadata import has_key, has_value, matches_in_bank, metadata_words
from transactions.search.sql.name_lookup import (
    MOST_NAMED,
    MOST_NOTED,
    NO_MATCH,
    SIDES,
    NameMatch,
    NameMatches,
    account_ending,
    account_number,
    accounts_named,
    is_me,
    word_query,
)
from transactions.search.sql.sides import SideConditions
from transactions.search.sql.status import has_status
from transactions.synonyms.matches import SynonymMatch

# Maximum number of own accounts in the tsquery. If there are more, the tsquery contains no account.
MOST_LEXEMES = 500
TEXTS = ("description", "reference", "metadata")  # the columns with the words of a row
WITHOUT_CATEGORY = Q(category=None) | Q(category="")


class ConditionCompiler:
    """A compiler for the items of a query. `sides` builds the conditions that differ between
    transactions and entries.

    `names` is the result of `find_names`.
    """

    def __init__(self, sides: SideConditions, names: NameMatches) -> None:
        self.sides, self.names = sides, names
        self.scope = sides.scope
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
            "is": lambda item: ConditionPart(rest=has_status(item.value, self.sides)),
            "type": lambda item: ConditionPart(rest=Q(type=item.value)),
            "ref": self._reference,
            "tag": self._annotation,
            "note": self._annotation,
            "has": self._annotation,
            "id": lambda item: ConditionPart(rest=Q(**{self.sides.id_field: item.value})),
        }

    def condition(self, query: ParsedQuery) -> Condition:
        """Compiles a whole query. A row must match at least one group of the query. A query without
        items matches every row.
        """
        found = query.words if self.scope.finds_texts else []
        words = [word_query(item) for item in found]
        named = [lexemes for item in query.words if (lexemes := self._named(item)) is not None]
        noted_rows = [rows for item in query.words if (rows := self._noted(item)) is not None]
        spelled = [Q(is_spelled(item.text, *TEXTS)) for item in found]
        expanded = [item for item in found if self._match(item).synonyms]
        return Condition(
            self._where(query),
            any_of(words),
            any_of(named),
            any_of(noted_rows),
            any_of(spelled),
            tuple(self._hits(item) for item in expanded),
            self._without_synonyms()._where(query) if expanded else None,
        )

    def _where(self, query: ParsedQuery) -> Q:
        groups = [self._group(group) for group in query.groups]
        return reduce(or_, groups) if groups else Q()

    def _hits(self, item: QueryItem) -> SynonymHits:
        found = tuple((Value(one.name), has_kind([one])) for one in self._synonyms(item))
        return SynonymHits(self._found_by(item), found)

    def _without_synonyms(self) -> "ConditionCompiler":
        names = {source: replace(match, synonyms=[]) for source, match in self.names.items()}
        return ConditionCompiler(self.sides, names)

    def _synonyms(self, item: QueryItem) -> tuple[SynonymMatch, ...]:
        return tuple(self._match(item).synonyms)

    def named_accounts(self, query: ParsedQuery) -> tuple[UUID, ...]:
        """Returns the ids of the accounts in `account:`. The caller counts money in and out for
        these accounts.

        Returns an empty tuple if a group has no `account:`, or if there are too many accounts. The
        caller then counts money in and out for the whole scope.
        """
        groups = [self._accounts_of_group(group) for group in query.groups]
        return self._few(groups) if all(ids is not None for ids in groups) else ()

    def _accounts_of_group(self, group: list[QueryItem]) -> list[UUID] | None:
        """Returns the ids of the accounts in `account:` of one group, or None if the group has no
        `account:`.
        """
        items = [item for item in group if item.kind == "account" and not item.is_negated]
        return [pk for item in items for pk in self._accounts(item)] if items else None

    def _few(self, groups: Iterable[list[UUID] | None]) -> tuple[UUID, ...]:
        """Returns the ids of the accounts in all groups, without duplicates. Returns an empty tuple
        for more than MOST_NAMED ids.
        """
        ids = dict.fromkeys(pk for group in groups for pk in group or ())
        return tuple(ids) if len(ids) <= MOST_NAMED else ()

    def _accounts(self, item: QueryItem) -> list[UUID]:
        """Returns the ids of the accounts in the scope that match an `account:`."""
        if self.scope.is_bank:
            return self._match(item).others
        return [account.pk for account in accounts_named(item, self.scope.accounts)]

    def _group(self, items: list[QueryItem]) -> Q:
        account_ids = self._few([self._accounts_of_group(items)])
        parts = [self._part(item, account_ids) for item in items]
        lexemes = [part.lexemes for part in parts if part.lexemes is not None]
        rest = [part.rest for part in parts if part.rest is not None]
        condition = Q(search=self._with_own_lexemes(all_of(lexemes))) if lexemes else Q()
        return reduce(and_, rest, condition)

    def _part(self, item: QueryItem, account_ids: Sequence[UUID]) -> ConditionPart:
        part = self._direction(item, account_ids) or self._found(item)
        if not item.is_negated:
            return part
        if part.rest is None:
            return ConditionPart(GroupedQuery(part.lexemes, invert=True))
        return ConditionPart(None, negated(part.rest))

    def _found(self, item: QueryItem) -> ConditionPart:
        """Compiles the item with the method of its field. If the reader may not see texts, an item
        that searches texts matches nothing, and a number matches only amounts.

        Without this rule, a reader could find out the text of a payment: by many searches for the
        id of the payment together with one word.
        """
        if self.scope.finds_texts or not item.is_text:
            return self.fields[item.kind](item)
        meant = self._meant(item)
        return ConditionPart(rest=NO_ROWS if meant is None else meant)

    def _with_own_lexemes(self, query: Any) -> Any:
        """Returns the tsquery with the lexemes of the reader's own accounts. Returns the tsquery
        unchanged for no account, or for more than MOST_LEXEMES accounts.
        """
        ids = self.sides.own_ids
        if not ids or len(ids) > MOST_LEXEMES:
            return query
        return LexemeQuery(any_account(ids)) & query

    def _word(self, item: QueryItem) -> ConditionPart:
        """Compiles a word and its synonyms."""
        synonyms = self._synonyms(item)
        if not synonyms:
            return self._direct_word(item)
        lexemes: list[Any] = [WordQuery.phrase(name) for one in synonyms for name in one.categories]
        codes = [f"'{code}':C" for one in synonyms for code in one.merchant_codes]
        lexemes += [LexemeQuery(" | ".join(codes))] if codes else []
        indexed = Q(search=self._with_own_lexemes(any_of(lexemes)))
        return ConditionPart(None, self._found_by(item) | indexed & has_kind(synonyms))

    def _found_by(self, item: QueryItem) -> Q:
        """Returns the condition for rows that a word finds without its synonyms."""
        part = self._direct_word(item)
        found = Q() if part.lexemes is None else Q(search=self._with_own_lexemes(part.lexemes))
        return found if part.rest is None else found & part.rest

    def _direct_word(self, item: QueryItem) -> ConditionPart:
        """Compiles a word without its synonyms. The word may match the texts of the row, the name
        of the other person or account, or the reader's annotation of the row. If the word may mean
        an amount or a period, it also matches rows with this amount or in this period.
        """
        lexemes, named = word_query(item), self._named(item)
        lexemes = lexemes if named is None else lexemes | named
        alternatives = [self._noted(item), self._meant(item)]
        if self._match(item).are_many:
            alternatives.append(self.sides.has_other_holder(word_query(item)))
        others = [condition for condition in alternatives if condition is not None]
        if self._avoids_index(item):
            return ConditionPart(None, reduce(or_, others, Q(MatchesText(F("search"), lexemes))))
        if not others:
            return ConditionPart(lexemes)
        return ConditionPart(None, reduce(or_, others, Q(search=self._with_own_lexemes(lexemes))))

    def _meant(self, item: QueryItem) -> Q | None:
        """Returns the condition for rows with the amount, or in the period, that a word may mean.
        Returns None if the word means no amount or period. Also returns None for a negated word:
        `-october` excludes only rows that contain the word.
        """
        reading = None if item.is_negated else item.reading
        if reading is None:
            return None
        condition = bounded("amount", reading.amounts) & bounded("created_at", reading.days)
        return condition & Q(currency=reading.currency) if reading.currency else condition

    def _avoids_index(self, item: QueryItem) -> bool:
        """Returns whether reading all rows of the reader is faster than using the GIN index, see
        Note [Common prefixes].
        """
        is_prefix = item.kind in (WORD, *SIDES) and not (item.is_negated or item.is_quoted)
        return is_prefix and not self.scope.is_bank and is_common_prefix(item.text)

    def _match(self, item: QueryItem) -> NameMatch:
        return self.names.get(item.source, NO_MATCH)

    def _named(self, item: QueryItem) -> Any:
        """Returns the tsquery of the accounts that a word refers to, or None if there are no such
        accounts. For an account in the scope, the tsquery matches only transfers to or from another
        account in the scope.
        """
        match = self._match(item)
        texts = [] if match.are_many else [account_lexeme(pk) for pk in match.others]
        for own in match.own:
            rest = [pk for pk in self.scope.ids if pk != own]
            if own not in self.scope.ids:
                texts.append(account_lexeme(own))
            elif rest:
                texts.append(f"({account_lexeme(own)} & ({any_account(rest)}))")
        return LexemeQuery(" | ".join(texts)) if texts else None

    def _noted(self, item: QueryItem) -> Q | None:
        """Returns the condition for rows that the reader has annotated with the word, or None if
        there are no such rows. If there are few such rows, the condition lists their ids, see
        `NameMatch.noted`.
        """
        ids = self._match(item).noted
        if self.scope.is_bank or not ids:
            return None
        if len(ids) <= MOST_NOTED:
            return Q(**{f"{self.sides.id_field}__in": ids})
        return self._one_of(ids_with_words(self.scope.reader, word_query(item)), item)

    def _annotation(self, item: QueryItem) -> ConditionPart:
        """Compiles tag:, note: and has:. These fields match nothing in the whole bank, because
        annotations and attached receipts are private.
        """
        reader = self.scope.reader
        if self.scope.is_bank:
            return ConditionPart(rest=NO_ROWS)
        if item.kind == "tag":
            ids = ids_with_tag(reader, item.value)
        elif item.kind == "note":
            ids = ids_with_note(reader, word_query(item))
        else:
            ids = HAS_VALUES[item.value](reader)
        return ConditionPart(rest=self._one_of(ids, item))

    def _one_of(self, ids: QuerySet[Any, Any], item: QueryItem) -> Q:
        """Returns the condition that a row has one of the ids, see Note [One of]. For a negated
        item, Postgres looks up each row in a hash table of the ids.
        """
        field = self.sides.id_field
        return Q(**{f"{field}__in": ids}) if item.is_negated else one_of(ids, field)

    def _side(self, item: QueryItem) -> ConditionPart:
        match, description = self._match(item), self._description_as_name(item)
        alternatives = [] if description is None else [description.rest]
        if match.are_many:
            if account_ending(item):
                return ConditionPart(rest=NO_ROWS)  # `mistakes` has a message
            alternatives.append(self.sides.has_holder(item.kind, word_query(item)))
            ids = match.own
        else:
            ids = [*match.others, *match.own]
        alternatives += [self.sides.has_account(item.kind, ids)] if ids else []
        rest = reduce(or_, alternatives) if alternatives else NO_ROWS
        if match.are_many or not alternatives or self._avoids_index(item):
            return ConditionPart(rest=rest)
        lexemes = [LexemeQuery(any_account(ids))] if ids else []
        return ConditionPart(
            any_of(lexemes + ([] if description is None else [description.lexemes])), rest
        )

    def _description_as_name(self, item: QueryItem) -> ConditionPart | None:
        """Returns the condition for payments that to:, from: or with: finds by their description.
        Such a payment, for example a card payment, has no account on that side, and pages show its
        description as the name.

        Returns None for any other field, for a number or `me`, and if the reader may not see names.
        """
        is_name = item.kind in SIDES and not (is_me(item) or account_number(item))
        if not (is_name and self.scope.shows_names):
            return None
        words = word_query(item)
        description_words = Func(
            F("search"),
            template="ts_filter(%(expressions)s, '{a}')",
            output_field=SearchVectorField(),
        )
        has_words = Q(MatchesText(description_words, words))
        return ConditionPart(words, self.sides.has_no_account(item.kind) & has_words)

    def _account(self, item: QueryItem) -> ConditionPart:
        if self.scope.is_bank:
            return self._side(item)
        ids = self._accounts(item)
        if not ids:
            return ConditionPart(rest=NO_ROWS)
        return ConditionPart(LexemeQuery(any_account(ids)), self.sides.has_account("account", ids))

    def _direction(self, item: QueryItem, account_ids: Sequence[UUID]) -> ConditionPart | None:
        """Compiles is:in, is:out and amounts with a sign. Returns None for any other item.

        "In" and "out" mean into and out of the accounts in `account_ids`, or of the whole scope if
        `account_ids` is empty.
        """
        if item.kind == AMOUNT:
            direction = "in" if item.value == "+" else "out"
            moved = self.sides.moved(direction, account_ids)
            return ConditionPart(rest=Q(amount=item.amount) & moved)
        if item.kind == "is" and item.value in ("in", "out"):
            return ConditionPart(rest=self.sides.moved(item.value, account_ids))
        return None

    def _meta(self, item: QueryItem) -> ConditionPart:
        is_text = item.value is None and not self.scope.is_bank
        words = metadata_words(item.text) if is_text else None
        return ConditionPart(words, has_value(item, is_bank=self.scope.is_bank))

    def _joined(self, item: QueryItem) -> ConditionPart:
        """Compiles joined:, which matches rows whose payer joined the bank in this period. It
        matches nothing in a search of the reader's own money, because the date is not public.
        """
        is_bank = self.scope.is_bank
        return ConditionPart(
            rest=bounded("from_account__user__created_at", item.value) if is_bank else NO_ROWS
        )

    def _refunds(self, item: QueryItem) -> ConditionPart:
        """Compiles refunds:, which matches refunds by category. A refund without a category has the
        category of the refunded payment. In the reader's own money, the category that the reader
        has set for a payment replaces the bank's category.
        """
        refund = NO_ROWS if is_none(item) else in_category(item)
        paid = in_category(item, "reverses__")
        without = WITHOUT_CATEGORY
        if not self.scope.is_bank:
            reader, field = self.scope.reader, self.sides.id_field
            refund &= ~Q(has_own_category(reader, field))
            without &= ~Q(has_own_category(reader, field))
            paid &= ~Q(has_own_category(reader, "reverses"))
            if not is_none(item):
                ids = ids_in_category(reader, item.text)
                refund |= Q(**{f"{field}__in": ids})
                paid |= Q(reverses__in=ids)
        return ConditionPart(rest=Q(reverses__isnull=False) & (refund | without & paid))

    def _category(self, item: QueryItem) -> ConditionPart:
        """Compiles category:, which compares the category that the reader has set for a row, or
        else the category of the row.
        """
        same = in_category(item)
        if self.scope.is_bank:
            if is_none(item):
                return ConditionPart(rest=same)
            return ConditionPart(rest=matches_in_bank(("category",), item.text, same))
        same &= Q(~has_own_category(self.scope.reader, self.sides.id_field))
        if is_none(item):
            return ConditionPart(rest=same)
        words = metadata_words(item.text)
        if words is not None:
            same &= Q(search=self._with_own_lexemes(words))
        own = self._one_of(ids_in_category(self.scope.reader, item.text), item)
        return ConditionPart(rest=same | own)

    def _reference(self, item: QueryItem) -> ConditionPart:
        if any(character.isalnum() for character in item.text):
            return ConditionPart(WordQuery.prefix(item.text, "B"))
        return ConditionPart(rest=Q(reference__contains=item.text))
