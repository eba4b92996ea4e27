"""Looks up the people and accounts that a search word may refer to, and the rows noted with it.

Names are not in the search column. A word is looked up among people and accounts first; the
lexemes of the accounts found join the tsquery on the search column, so that one GIN index answers
for words and names, see Note [Search column]. A reader learns nothing about other people from it:
the tsquery only matches rows in the reader's scope.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, SearchVector, SearchVectorExact
from django.db.models import Q, QuerySet

from accounts.models import ACCOUNT_WORDS, PERSON_WORDS, Account, User
from accounts.numbers import LENGTH
from ledger.db.tsqueries import prefix_lexeme
from transactions.annotations.search import ids_with_words
from transactions.scope import BANK, Scope, scope_for
from transactions.search.language.query import PHRASE, WORD, ParsedQuery, QueryItem

MOST_NAMED = 200  # accounts put into a query one by one; a name with more of them is joined instead
MOST_NOTED = 500  # annotated transactions put into a query one by one
SHORTEST_ENDING = 3  # digits of an account number
SIDES = ("to", "from", "with")
NAMED = (WORD, PHRASE, *SIDES)


@dataclass(frozen=True, slots=True)
class NameMatch:
    """What one item refers to.

    `others` are accounts of other people, at most MOST_NAMED + 1. `own` are the reader's own
    accounts. `noted` are transactions whose annotation has the word, at most MOST_NOTED + 1.
    """

    others: list[UUID] = field(default_factory=list)
    own: list[UUID] = field(default_factory=list)
    noted: list[UUID] = field(default_factory=list)

    @property
    def are_many(self) -> bool:
        """Whether the name has more accounts than fit into a query one by one."""
        return len(self.others) > MOST_NAMED


NameMatches = Mapping[str, NameMatch]  # by the source of the item
NO_MATCH = NameMatch()


@dataclass(frozen=True, slots=True)
class Lookup:
    """One subquery: which list of the NameMatch of an item (`source`) it fills, with which ids."""

    source: str
    attribute: str
    ids: "QuerySet[Any, Any]"


Lookups = dict[str, Lookup]  # by the name of the column in the result


def find_names(scope: Scope, query: ParsedQuery) -> NameMatches:
    """Finds what the words of a query may refer to. One query; none without such words."""
    lookups = _lookups(scope, query)
    if not lookups:
        return {}
    rows = User.objects.filter(pk=scope.reader.pk).values(**_arrays(lookups))
    return _name_matches(lookups, rows.get())


def find_scope_and_names(reader: User, kind: str, query: ParsedQuery) -> tuple[Scope, NameMatches]:
    """Returns the scope of this kind and what the words of the query may refer to.

    For the reader's own money, this takes a single SQL statement. Raises PermissionDenied if the
    reader may not read the whole bank.
    """
    if kind == BANK:
        scope = scope_for(reader, kind)
        return scope, find_names(scope, query)
    lookups = _lookups(Scope(reader), query)
    accounts = list(Account.objects.owned_by(reader).annotate(**_arrays(lookups)))
    ids = {name: getattr(accounts[0], name) for name in lookups} if accounts else {}
    return Scope(reader, tuple(accounts)), _name_matches(lookups, ids)


def _arrays(lookups: Lookups) -> dict[str, ArraySubquery]:
    return {name: ArraySubquery(lookup.ids) for name, lookup in lookups.items()}


def _lookups(scope: Scope, query: ParsedQuery) -> Lookups:
    """Returns the subqueries for all items of a query."""
    reader, is_bank = scope.reader, scope.is_bank
    lookups: Lookups = {}
    for place, item in enumerate(_named_items(query.items, is_bank=is_bank)):
        others = _other_accounts(scope, item)
        if others is not None:
            ids = others.values("pk")[: MOST_NAMED + 1]
            lookups[f"others_{place}"] = Lookup(item.source, "others", ids)
        if not is_bank:
            own = Account.objects.filter(user=reader).filter(_is_own_account(reader, item))
            lookups[f"own_{place}"] = Lookup(item.source, "own", own.values("pk"))
            if item.kind in (WORD, PHRASE):
                noted = ids_with_words(reader, name_query(item))[: MOST_NOTED + 1]
                lookups[f"noted_{place}"] = Lookup(item.source, "noted", noted)
    return lookups


def _named_items(items: Iterable[QueryItem], *, is_bank: bool) -> list[QueryItem]:
    """Returns the items that may be names, each source once."""
    kinds = (*NAMED, "account") if is_bank else NAMED
    return list({item.source: item for item in items if item.kind in kinds}.values())


def _name_matches(lookups: Lookups, ids: Mapping[str, list[UUID]]) -> NameMatches:
    matches: dict[str, NameMatch] = {}
    for name, lookup in lookups.items():
        match = matches.setdefault(lookup.source, NameMatch())
        getattr(match, lookup.attribute).extend(ids.get(name) or [])
    return matches


def _other_accounts(scope: Scope, item: QueryItem) -> "QuerySet[Account] | None":
    """Returns other people's accounts with this name or number; None if the item cannot be one."""
    if is_me(item):
        return None
    condition = Q(number=digits) if (digits := account_number(item)) else Q()
    if ending := account_ending(item):
        condition = Q(number__endswith=ending)
    if scope.is_bank and (holder := holder_id(item)):
        condition |= Q(user=holder) | Q(pk=holder)
    if scope.shows_names:
        if item.kind == "account":
            condition |= Q(pk__in=_with_words(Account.objects.all(), item))
        else:
            condition |= Q(user__in=_with_words(User.objects.all(), item))
            if scope.is_bank and scope.finds_addresses and "@" in item.text:
                address = SearchVectorExact(PERSON_WORDS, prefix_lexeme(item.text))
                condition |= Q(user__in=User.objects.filter(address))
    if not condition:
        return None
    accounts = Account.objects.filter(condition)
    return accounts if scope.is_bank else accounts.exclude(user=scope.reader)


def _is_own_account(reader: User, item: QueryItem) -> Q:
    """The condition on own accounts: the account's name; for sides also number, name and `me`."""
    condition = Q(pk__in=_with_words(Account.objects.filter(user=reader), item))
    if item.kind in SIDES:
        if digits := account_number(item):
            condition |= Q(number=digits)
        if is_me(item):
            condition |= Q(user=reader)
        condition |= Q(user__in=_with_words(User.objects.filter(pk=reader.pk), item))
    return condition


def _with_words(rows: Any, item: QueryItem) -> Any:
    """Returns the people or accounts whose `name` has the words, through their GIN index.

    The index of people holds email addresses too, which must not match: the name is checked again.
    """
    words = name_query(item)
    if rows.model is Account:
        return rows.filter(SearchVectorExact(ACCOUNT_WORDS, words))
    in_name = SearchVectorExact(SearchVector("name", config="simple"), words)
    return rows.filter(SearchVectorExact(PERSON_WORDS, words), in_name)


def accounts_named(item: QueryItem, accounts: Iterable[Account]) -> list[Account]:
    """Returns the accounts that `account:` names: by the end of the number, or by the name."""
    if digits := account_ending(item):
        return [account for account in accounts if account.number.endswith(digits)]
    words = item.text.casefold().split()
    return [
        account
        for account in accounts
        if all(
            any(part.startswith(word) for part in account.name.casefold().split()) for word in words
        )
    ]


def name_query(item: QueryItem) -> SearchQuery:
    """The tsquery of a word as a prefix; of a phrase, a quoted or a negated word exactly."""
    if item.kind == PHRASE or item.is_negated or item.is_quoted:
        return SearchQuery(item.text, search_type="phrase", config="simple")
    return prefix_query(item.text)


def prefix_query(word: str, weight: str = "") -> SearchQuery:
    """The tsquery of all words that start with `word`, of one weight if given."""
    safe = word.replace("\\", "\\\\").replace("'", "''")
    return SearchQuery(f"'{safe}':*{weight}", search_type="raw", config="simple")


def account_number(item: QueryItem) -> str:
    """Returns the digits of a full account number, "" for anything else."""
    digits = _digits(item)
    return digits if len(digits) == LENGTH and item.kind in (*SIDES, "account") else ""


def account_ending(item: QueryItem) -> str:
    """Returns the last digits of an account number in `account:`, "" for anything else."""
    digits = _digits(item)
    return digits if len(digits) >= SHORTEST_ENDING and item.kind == "account" else ""


def _digits(item: QueryItem) -> str:
    digits = re.sub(r"[\s.-]", "", item.text)
    return digits if digits.isascii() and digits.isdigit() else ""


def is_me(item: QueryItem) -> bool:
    """Whether the item means the reader: to:me."""
    return item.kind in SIDES and item.text.lower() == "me" and not item.is_quoted


def holder_id(item: QueryItem) -> UUID | None:
    """Returns the id of a person or an account, by which reports over the whole bank link.

    An id tells no name, so readers who may not see names can follow these links too.
    """
    try:
        return UUID(item.text) if item.kind in (*SIDES, "account") else None
    except ValueError:
        return None
