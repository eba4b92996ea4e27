"""Looks up the people, accounts and annotated rows that a search word may refer to.

The search column does not contain names. So the search first looks up a word in the names of people
and accounts. Then it adds the lexemes of the found accounts to the tsquery on the search column.
One GIN index finds words and names, see Note [Search column]. The look-up reveals nothing about
other people, because the tsquery matches only rows in the reader's scope.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchVectorExact
from django.db.models import Q, QuerySet, Value

from accounts.models import ACCOUNT_WORDS, PERSON_WORDS, Account, User
from accounts.numbers import LENGTH
from accounts.shown import add_accounts, add_unnamed
from ledger.db.queries.compiled_once import CompiledOnce
from ledger.db.queries.words import WordQuery, words_of
from ledger.text.fuzzy import folded
from transactions.annotations.search import ids_with_words
from transactions.scope import BANK, Scope, scope_for
from transactions.search.language.query import PHRASE, WORD, ParsedQuery, QueryItem
from transactions.synonyms.matches import SynonymMatch, synonyms_with

# Maximum number of accounts that a query lists. For more accounts, the query joins names.
MOST_NAMED = 200
MOST_EXPANDED = 5  # maximum number of words in a query for which synonyms are looked up
MOST_NOTED = 500  # maximum number of annotated transactions that a query lists
# Digits of an account number; all readers may see the last SHOWN_ENDING digits.
SHORTEST_ENDING, SHOWN_ENDING = 3, 4
SIDES = ("to", "from", "with")
NAMED = (WORD, PHRASE, *SIDES)


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The accounts, transactions and synonyms that one item of a query refers to.

    `others` are accounts of other people, at most MOST_NAMED + 1. `own` are the reader's own
    accounts. `noted` are transactions whose annotation contains the word, at most MOST_NOTED + 1.
    `synonyms` are the synonyms that contain the word.
    """

    others: list[UUID] = field(default_factory=list)
    own: list[UUID] = field(default_factory=list)
    noted: list[UUID] = field(default_factory=list)
    synonyms: list[SynonymMatch] = field(default_factory=list)

    @property
    def are_many(self) -> bool:
        """Whether the item refers to more accounts than a query may list."""
        return len(self.others) > MOST_NAMED


NameMatches = Mapping[str, NameMatch]  # The keys are the sources of the items
NO_MATCH = NameMatch()
Limits = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PossibleName:
    """The parts of an item that select people and accounts. The text of the item is not included,
    see `CompiledOnce`.
    """

    kind: str
    words: Any  # a tsquery
    number: str
    ending: str
    holder: UUID | None
    address: WordQuery | None
    is_me: bool
    synonym: Value | None


def find_names(scope: Scope, query: ParsedQuery, *, has_synonyms: bool = True) -> NameMatches:
    """Finds the people, accounts, annotated transactions and synonyms that the words of a query may
    refer to. Finds synonyms only if `has_synonyms` is True. Sends one query, or no query if no word
    may be a name.

    The read log records each search of the whole bank, even without a result, because an empty
    result also reveals something. If the query contains a number, an id or an address, the log
    records the holders of the found accounts.
    """
    if scope.is_bank and query.items:
        add_unnamed()
    items = _named_items(query.items, is_bank=scope.is_bank)
    names = _possible_names(items, has_synonyms=has_synonyms)
    if not any(_may_match(scope, name) for name in names):
        return {}
    found = _name_matches(items, _reader_with_matches.rows(scope, names, _limits()))
    if scope.is_bank:
        for item, name in zip(items, names, strict=True):
            if name.number or name.ending or name.holder or name.address:
                add_accounts(*found[item.source].others)
    return found


def find_scope_and_names(reader: User, kind: str, query: ParsedQuery) -> tuple[Scope, NameMatches]:
    """Returns the scope of this kind (MINE or BANK), and the people and accounts that the words of
    the query may refer to. For the reader's own money, one SQL statement reads both.

    Raises: PermissionDenied if the reader may not read the whole bank.
    """
    if kind == BANK:
        scope = scope_for(reader, kind)
        return scope, find_names(scope, query)
    items = _named_items(query.items, is_bank=False)
    names = _possible_names(items)
    accounts = _accounts_with_matches.rows(reader, names, _limits())
    return Scope(reader, tuple(accounts)), _name_matches(items, accounts)


@CompiledOnce
def _reader_with_matches(
    scope: Scope, names: Sequence[PossibleName], limits: Limits
) -> QuerySet[User]:
    """Returns a query for the reader, annotated with an array of ids for each list of a
    NameMatch.
    """
    rows: QuerySet[User] = User.objects.filter(pk=scope.reader.pk).only("pk")
    return rows.annotate(**_arrays(scope, names, limits))


@CompiledOnce
def _accounts_with_matches(
    reader: User, names: Sequence[PossibleName], limits: Limits
) -> QuerySet[Account]:
    """Returns a query for the reader's accounts. Each account is annotated with an array of ids for
    each list of a NameMatch.
    """
    return Account.objects.owned_by(reader).annotate(**_arrays(Scope(reader), names, limits))


def _limits() -> Limits:
    """Returns the number of ids to read for each list: the maximum for a query plus one. The
    additional id shows that there are too many.
    """
    return MOST_NAMED + 1, MOST_NOTED + 1


def _arrays(
    scope: Scope, names: Sequence[PossibleName], limits: Limits
) -> dict[str, ArraySubquery]:
    """Returns the subqueries of all names as a dict. A key is the name of a list (others, own,
    noted or synonyms) and the position of the name: others_0, own_0, noted_0 …
    """
    arrays = {
        f"{attribute}_{place}": ArraySubquery(ids)
        for place, name in enumerate(names)
        for attribute, ids in _subqueries(scope, name, limits).items()
    }
    words = {place: name.synonym for place, name in enumerate(names) if name.synonym is not None}
    return arrays | {f"synonyms_{place}": synonyms_with(word) for place, word in words.items()}


def _subqueries(
    scope: Scope, name: PossibleName, limits: Limits
) -> dict[str, "QuerySet[Any, Any]"]:
    """Returns the subqueries of one name. The keys are the lists of a NameMatch, and each subquery
    returns ids.
    """
    reader, (most_named, most_noted) = scope.reader, limits
    subqueries: dict[str, QuerySet[Any, Any]] = {}
    others = _other_accounts(scope, name)
    if others is not None:
        subqueries["others"] = others.values("pk")[:most_named]
    if not scope.is_bank:
        own = Account.objects.filter(user=reader).filter(_is_own_account(reader, name))
        subqueries["own"] = own.values("pk")
        if name.kind in (WORD, PHRASE):
            subqueries["noted"] = ids_with_words(reader, name.words)[:most_noted]
    return subqueries


def _named_items(items: Iterable[QueryItem], *, is_bank: bool) -> list[QueryItem]:
    """Returns the items that may refer to names, but only one item for each source."""
    kinds = (*NAMED, "account") if is_bank else NAMED
    return list({item.source: item for item in items if item.kind in kinds}.values())


def _possible_names(items: Iterable[QueryItem], *, has_synonyms: bool = True) -> list[PossibleName]:
    """Returns the names that the items may refer to. Only the first MOST_EXPANDED words may have
    synonyms.
    """
    words = [item for item in items if item.kind == WORD and not _is_exact(item)]
    expanded = {item.source for item in words[:MOST_EXPANDED]} if has_synonyms else set()
    return [_possible_name(item, is_expanded=item.source in expanded) for item in items]


def _possible_name(item: QueryItem, *, is_expanded: bool) -> PossibleName:
    return PossibleName(
        item.kind,
        word_query(item),
        account_number(item),
        account_ending(item),
        holder_id(item),
        WordQuery.prefix(item.text) if "@" in item.text else None,
        is_me(item),
        Value(item.text) if is_expanded else None,
    )


def _name_matches(items: Sequence[QueryItem], rows: Sequence[Any]) -> NameMatches:
    """Returns the matches of each item from the annotated arrays. Every row has the same arrays, so
    only the first row is read.
    """
    arrays = vars(rows[0]) if rows else {}
    return {
        item.source: NameMatch(
            **{name: arrays.get(f"{name}_{place}") or [] for name in ("others", "own", "noted")},
            synonyms=[SynonymMatch.of(found) for found in arrays.get(f"synonyms_{place}") or []],
        )
        for place, item in enumerate(items)
    }


def _may_match(scope: Scope, name: PossibleName) -> bool:
    """Returns whether the item can refer to an account or a person in this scope."""
    if not scope.is_bank:
        return True
    is_number_or_id = finds_digits(scope, name.ending or name.number) or bool(name.holder)
    return not name.is_me and (scope.shows_names or is_number_or_id)


def _other_accounts(scope: Scope, name: PossibleName) -> "QuerySet[Account] | None":
    """Returns a query for other people's accounts with this name or number, or None if the item
    cannot refer to such an account.
    """
    if not _may_match(scope, name) or name.is_me:
        return None
    condition = Q()
    if finds_digits(scope, digits := name.ending or name.number):
        condition = Q(number__endswith=digits) if name.ending else Q(number=digits)
    if scope.is_bank and name.holder:
        condition |= Q(user=name.holder) | Q(pk=name.holder)
    if scope.shows_names:
        if name.kind == "account":
            condition |= Q(pk__in=_with_words(Account.objects.all(), name.words))
        else:
            condition |= Q(user__in=_with_words(User.objects.all(), name.words))
            if scope.is_bank and scope.finds_addresses and name.address is not None:
                address = SearchVectorExact(PERSON_WORDS, name.address)
                condition |= Q(user__in=User.objects.filter(address))
    if not condition:
        return None
    accounts = Account.objects.filter(condition)
    return accounts if scope.is_bank else accounts.exclude(user=scope.reader)


def _is_own_account(reader: User, name: PossibleName) -> Q:
    """Returns the condition for the reader's accounts to which the item refers. The item may
    contain words of the account's name. After to:, from: and with:, it may also contain the
    account's number, words of the reader's name, or `me`.
    """
    condition = Q(pk__in=_with_words(Account.objects.filter(user=reader), name.words))
    if name.kind in SIDES:
        if name.number:
            condition |= Q(number=name.number)
        if name.is_me:
            condition |= Q(user=reader)
        condition |= Q(user__in=_with_words(User.objects.filter(pk=reader.pk), name.words))
    return condition


def _with_words(rows: Any, words: Any) -> Any:
    """Returns the people or accounts whose `name` contains the words. The query uses the GIN index,
    and then compares the words with the name again, because the index of people also contains email
    addresses.
    """
    if rows.model is Account:
        return rows.filter(SearchVectorExact(ACCOUNT_WORDS, words))
    in_name = SearchVectorExact(words_of(name="A"), words)
    return rows.filter(SearchVectorExact(PERSON_WORDS, words), in_name)


def accounts_named(item: QueryItem, accounts: Iterable[Account]) -> list[Account]:
    """Returns the accounts that an `account:` matches, by the last digits of the number or by words
    of the name.
    """
    if digits := account_ending(item):
        return [account for account in accounts if account.number.endswith(digits)]
    words = _words(item.text)
    return [
        account
        for account in accounts
        if words
        and all(any(part.startswith(word) for part in _words(account.name)) for word in words)
    ]


def _words(text: str) -> list[str]:
    """Returns the words of a name, in lower case and without accents."""
    return re.findall(r"[^\W_]+", folded(text))


def word_query(item: QueryItem) -> Any:
    """Returns the tsquery for words that start with the item's text. For a phrase, a quoted word or
    a negated word, the match must be exact. See Note [Words].
    """
    if _is_exact(item):
        return WordQuery.phrase(item.text)
    return reduce(and_, map(WordQuery.prefix, item.text.split() or [""]))


def _is_exact(item: QueryItem) -> bool:
    return item.kind == PHRASE or item.is_negated or item.is_quoted


def account_number(item: QueryItem) -> str:
    """Returns the digits of a complete account number, or "" for any other item."""
    digits = _digits(item)
    return digits if len(digits) == LENGTH and item.kind in (*SIDES, "account") else ""


def account_ending(item: QueryItem) -> str:
    """Returns the digits in `account:` that may be the end of an account number, or "" for any
    other item.
    """
    digits = _digits(item)
    return digits if len(digits) >= SHORTEST_ENDING and item.kind == "account" else ""


def finds_digits(scope: Scope, digits: str) -> bool:
    """Returns whether the reader may find accounts by these digits of the account number.

    The reader may not search for digits that pages hide from the reader. Repeated searches would
    reveal such digits one after the other.
    """
    return bool(digits) and (scope.finds_numbers or len(digits) <= SHOWN_ENDING)


def _digits(item: QueryItem) -> str:
    digits = re.sub(r"[\s.-]", "", item.text)
    return digits if digits.isascii() and digits.isdigit() else ""


def is_me(item: QueryItem) -> bool:
    """Returns whether the item refers to the reader, as in to:me."""
    return item.kind in SIDES and item.text.lower() == "me" and not item.is_quoted


def holder_id(item: QueryItem) -> UUID | None:
    """Returns the id in an item such as to:<id>, or None for any other item. The id is the id of a
    person or an account.

    Reports over the whole bank link to searches by id. Readers who may not see names can follow
    these links, too, because an id does not reveal a name.
    """
    try:
        return UUID(item.text) if item.kind in (*SIDES, "account") else None
    except ValueError:
        return None
