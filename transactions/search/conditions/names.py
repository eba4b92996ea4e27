"""What a word may mean besides words of the rows: holders by their names, one's own accounts by
theirs, payments by what one notes of them.

Names do not stand in the search column. A word is resolved to the accounts of the people who
bear it, and the lexemes of those go into the same query of the column, so that one GIN index
answers for both, see Note [Search column]. Nobody learns from it who else has an account: the
lexemes only ever meet rows within the reader's scope.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.search import SearchQuery, SearchVector
from django.contrib.postgres.search import SearchVectorExact as Matches
from django.db.models import Q, QuerySet

from accounts.models import ACCOUNT_WORDS, PERSON_WORDS, Account, User
from accounts.numbers import LENGTH
from ledger.db.tsqueries import begun
from transactions.annotations.search import annotated
from transactions.scope import BANK, Scope, may_read_bank, scope_for
from transactions.search.language.tree import PHRASE, WORD, ParsedQuery, QueryItem

MOST_NAMED = 200  # accounts put into a query one by one; beyond, the reader's own rows are joined
SIDES = ("to", "from", "with")
NAMED = (WORD, PHRASE, *SIDES)
SHORTEST_ENDING = 3  # digits of an account's number
MOST_NOTED = 500  # noted payments put into a query one by one


@dataclass(frozen=True, slots=True)
class NameMatch:
    """The accounts that an item may mean. `own` are the reader's, by the accounts' names.

    Where `are_many` is set, more people bear the name than are put in one by one. `noted` are
    the transactions of which the reader notes the word, MOST_NOTED and one more at most.
    """

    others: list[UUID] = field(default_factory=list)
    own: list[UUID] = field(default_factory=list)
    noted: list[UUID] = field(default_factory=list)

    @property
    def are_many(self) -> bool:
        return len(self.others) > MOST_NAMED


NameMatches = Mapping[str, NameMatch]  # by the source of the item
NO_MATCH = NameMatch()


def scope_and_names(reader: User, whose: str, query: ParsedQuery) -> tuple[Scope, NameMatches]:
    """Whose rows are read and whom the words may mean, in one query.

    PermissionDenied for the bank's without the right to it.
    """
    if whose == BANK:
        scope = scope_for(reader, whose)
        return scope, names_in(scope, query)
    asked = _subqueries(Scope(reader), query)
    arrays = {name: ArraySubquery(accounts) for name, (_, _, accounts) in asked.items()}
    mine = list(Account.objects.owned_by(reader).annotate(**arrays))
    found = {name: getattr(mine[0], name) for name in asked} if mine else {}
    return Scope(reader, tuple(mine)), _names(asked, found)


def names_in(scope: Scope, query: ParsedQuery) -> NameMatches:
    """Whom the words may mean within a scope, in one query; in none where names are not read."""
    asked = _subqueries(scope, query)
    if not asked:
        return {}
    arrays = {name: ArraySubquery(accounts) for name, (_, _, accounts) in asked.items()}
    found = User.objects.filter(pk=scope.reader.pk).values(**arrays).get()
    return _names(asked, found)


Asked = dict[str, tuple[str, str, "QuerySet[Any, Any]"]]


def _subqueries(scope: Scope, query: ParsedQuery) -> Asked:
    """What is asked, by the name of its column: the item's source, whose accounts, the ids."""
    reader, is_bank = scope.reader, scope.is_bank
    asked: Asked = {}
    for place, item in enumerate(_different(query.items, is_bank=is_bank)):
        others = _others(scope, item)
        if others is not None:
            ids = others.values("pk")[: MOST_NAMED + 1]
            asked[f"others_{place}"] = (item.source, "others", ids)
        if not is_bank:
            own = Account.objects.filter(user=reader).filter(_own(reader, item))
            asked[f"own_{place}"] = (item.source, "own", own.values("pk"))
            if item.kind in (WORD, PHRASE):
                noted = annotated(reader, name_query(item))[: MOST_NOTED + 1]
                asked[f"noted_{place}"] = (item.source, "noted", noted)
    return asked


def _different(items: Iterable[QueryItem], *, is_bank: bool) -> list[QueryItem]:
    kinds = (*NAMED, "account") if is_bank else NAMED
    return list({item.source: item for item in items if item.kind in kinds}.values())


def _others(scope: Scope, item: QueryItem) -> "QuerySet[Account] | None":
    """The accounts of those who bear the name, or that have the number."""
    if is_me(item):
        return None
    wanted = Q(number=digits) if (digits := account_number(item)) else Q()
    if ending := account_ending(item):
        wanted = Q(number__endswith=ending)
    if scope.is_bank and (holder := holder_id(item)):
        wanted |= Q(user=holder) | Q(pk=holder)
    if scope.names:
        if item.kind == "account":
            wanted |= Q(pk__in=_worded(Account.objects.all(), item))
        else:
            wanted |= Q(user__in=_worded(User.objects.all(), item))
            if scope.is_bank and scope.addresses and "@" in item.text:
                addressed = User.objects.filter(Matches(PERSON_WORDS, begun(item.text)))
                wanted |= Q(user__in=addressed)
    if not wanted:
        return None
    accounts = Account.objects.filter(wanted)
    return accounts if scope.is_bank else accounts.exclude(user=scope.reader)


def _own(reader: User, item: QueryItem) -> Q:
    """Which of one's own accounts are meant: by its name; after to: and from: by one's own."""
    wanted = Q(pk__in=_worded(Account.objects.filter(user=reader), item))
    if item.kind in SIDES:
        if digits := account_number(item):
            wanted |= Q(number=digits)
        if is_me(item):
            wanted |= Q(user=reader)
        wanted |= Q(user__in=_worded(User.objects.filter(pk=reader.pk), item))
    return wanted


def _worded(rows: Any, item: QueryItem) -> Any:
    """The rows whose `name` has the words, by the index of people's or of accounts' words.

    That of people holds their addresses too, which are no customer's to guess: the name decides.
    """
    asked = name_query(item)
    if rows.model is Account:
        return rows.filter(Matches(ACCOUNT_WORDS, asked))
    in_name = Matches(SearchVector("name", config="simple"), asked)
    return rows.filter(Matches(PERSON_WORDS, asked), in_name)


def name_query(item: QueryItem) -> SearchQuery:
    """A word as a beginning, unless it is excluded; a phrase exactly."""
    if item.kind == PHRASE or item.is_not or item.literal:
        return SearchQuery(item.text, search_type="phrase", config="simple")
    return beginning(item.text)


def beginning(word: str, weight: str = "") -> SearchQuery:
    """Whatever begins with the word; in the parts of this weight alone, if one is given."""
    safe = word.replace("\\", "\\\\").replace("'", "''")
    return SearchQuery(f"'{safe}':*{weight}", search_type="raw", config="simple")


def account_number(item: QueryItem) -> str:
    """The account number that an item is, "" for anything else."""
    digits = re.sub(r"[\s.-]", "", item.text)
    is_number = digits.isascii() and digits.isdigit() and len(digits) == LENGTH
    return digits if is_number and item.kind in (*SIDES, "account") else ""


def account_ending(item: QueryItem) -> str:
    """The last digits of an account's number, or all of them, that an `account:` is; or ""."""
    digits = re.sub(r"[\s.-]", "", item.text)
    is_ending = digits.isascii() and digits.isdigit() and len(digits) >= SHORTEST_ENDING
    return digits if is_ending and item.kind == "account" else ""


def is_me(item: QueryItem) -> bool:
    """Whether an item asks for the reader: to:me."""
    return item.kind in SIDES and item.text.lower() == "me" and not item.literal


def holder_id(item: QueryItem) -> UUID | None:
    """The id of a person or an account that an item is, as reports over the bank link by: it
    names nobody, so that whoever may not know names follows those links too."""
    try:
        return UUID(item.text) if item.kind in (*SIDES, "account") else None
    except ValueError:
        return None


def _names(asked: Asked, found: Mapping[str, list[UUID]]) -> NameMatches:
    named: dict[str, NameMatch] = {}
    for name, (source, kind, _) in asked.items():
        known = named.setdefault(source, NameMatch())
        getattr(known, kind).extend(found.get(name) or [])
    return named


def may_see_names(reader: User) -> bool:
    """Whether somebody may know who all the bank's people are, and so how a name is resolved."""
    return may_read_bank(reader) and reader.has_perm("accounts.view_user")
