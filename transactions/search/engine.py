"""Runs a search: parses the text, compiles the parsed query to SQL conditions, and returns one page
of rows.

The steps are in `language.parser`, `sql.name_lookup`, `sql.compiler`, `facets` and `highlights`.
See docs/search.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db.models import Q

from accounts.models import Account
from ledger.db.queries.compiled_once import CompiledOnce
from ledger.db.queries.conditions import one_of
from ledger.db.queries.tsqueries import LexemeQuery, account_lexeme
from transactions.annotations.categories import own_category
from transactions.models import BOOKED_AT, Transaction
from transactions.models.entry import EntryQuerySet
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import MINE, Scope, newest_first, scope_for
from transactions.search.facets import Facets, facets_of
from transactions.search.highlights import with_highlights
from transactions.search.language.parser import parse
from transactions.search.language.query import Mistake, ParsedQuery
from transactions.search.mistakes import account_mistakes, scope_mistakes
from transactions.search.parties import set_parties, with_party_columns
from transactions.search.places import RowPlace, is_beyond
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.condition import Condition, note_query
from transactions.search.sql.name_lookup import (
    NO_MATCH,
    NameMatches,
    find_names,
    find_scope_and_names,
)
from transactions.search.sql.sides import EntrySides, TransactionSides
from transactions.synonyms.matches import labels_of

PAGE = 25
MOST_PAGES = 400
RANKED = 1_000  # maximum number of matches that are ranked; these are the newest matches
SORTS = ("best", "newest", "oldest", "largest")
BY_TIME = ("newest", "oldest")
ORDERS = {
    "newest": ("-created_at", "-pk"),
    "oldest": ("created_at", "pk"),
    "largest": ("-amount", "-created_at", "-pk"),
}


# Columns that the search page does not show. They are deferred, so reading such a column sends a
# query.
NOT_READ = ("value_date", "from_balance", "to_balance", "captures", "created_by")


@dataclass(slots=True)
class SearchResult:
    """One page of rows, the counts of all matches, and the mistakes in the query.

    `rows` are loaded with their accounts and people, and only with the columns that the page shows
    (see NOT_READ and `parties`). The totals are money into and out of `named_accounts`, or into and
    out of the whole scope if `named_accounts` is empty.
    """

    scope: Scope
    query: ParsedQuery
    sort: str
    page: int = 1
    rows: list[Transaction] = field(default_factory=list)
    has_more: bool = False
    facets: Facets = field(default_factory=Facets)
    mistakes: list[Mistake] = field(default_factory=list)
    named_accounts: tuple[UUID, ...] = ()

    @property
    def last_page(self) -> int:
        """The number of the last page, or 1 if there are no matches."""
        most = RANKED if self.sort == "best" else MOST_PAGES * PAGE
        return max(1, -(-min(self.facets.count, most) // PAGE))

    @property
    def is_explained(self) -> bool:
        """Whether a mistake in the query explains why the query found no row."""
        return not self.rows and any(mistake.is_applied for mistake in self.mistakes)

    @property
    def is_ranked_in_part(self) -> bool:
        """Whether the results are sorted by rank and only the newest RANKED matches were ranked."""
        return self.sort == "best" and self.facets.count > RANKED


def find(
    scope: Scope,
    text: str | ParsedQuery,
    *,
    sort: str = "",
    page: int = 1,
    after: RowPlace | None = None,
    names: NameMatches | None = None,
) -> SearchResult:
    """Searches the transactions of a scope and returns one page of matches. Sends at most three
    queries. An invalid text does not raise an error: the result then contains mistakes.

    `sort` is one of SORTS. The default is "best" if the query has words, otherwise "newest". If
    `after` is set and the rows are sorted by time, the page starts after that row. If they are
    sorted in another way, `after` is ignored. `names` is the result of `find_names`. If `names` is
    None, this function calls `find_names`. An empty text matches every row.
    """
    query = parse(text) if isinstance(text, str) else text
    names = find_names(scope, query) if names is None else names
    sides = TransactionSides(scope)
    compiler = ConditionCompiler(sides, names)
    condition = compiler.condition(query)
    if sort not in SORTS or (sort == "best" and condition.words is None):
        sort = "best" if condition.words is not None else "newest"
    result = SearchResult(scope, query, sort, max(page, 1), mistakes=[*query.mistakes])
    result.mistakes += scope_mistakes(query, scope, names)
    result.named_accounts = compiler.named_accounts(query)
    if query.is_empty and query.text:
        return result  # all items of the query were mistakes
    if after is not None and result.sort not in BY_TIME:
        after = None
    if result.page <= MOST_PAGES:
        start = (result.page - 1) * PAGE
        # Reads one more row to find out whether there is a next page.
        end = start + PAGE + 1
        place = (start, min(end, RANKED) if result.sort == "best" else end)
        fetched = _rows.rows(scope, condition, note_query(query), result.sort, place, after)
        set_parties(fetched)
        result.rows = fetched[:PAGE]
        result.has_more = len(fetched) > PAGE and result.page < MOST_PAGES
        if scope.finds_texts and (result.has_more or any(labels_of(row) for row in fetched)):
            result.mistakes += _synonym_hints(query, names)
    if result.rows or result.page > 1 or after is not None:
        result.facets = facets_of(scope, condition.where, result.named_accounts)
    return result


def _synonym_hints(query: ParsedQuery, names: NameMatches) -> Iterator[Mistake]:
    """Yields a hint for each word that has synonyms. The hint contains a query that searches only
    for the typed word.
    """
    for source, item in {item.source: item for item in query.words}.items():
        if found := names.get(source, NO_MATCH).synonyms:
            kinds = ", ".join(dict.fromkeys(synonym.name for synonym in found))
            sentence = f"“{item.text}” also finds: {kinds}. To search only for the word:"
            instead = (query.replacing(source, f'"{item.text}"'),)
            yield Mistake(sentence, instead, is_hint=True, is_advice=True)


@CompiledOnce
def _rows(
    scope: Scope,
    condition: Condition,
    note_words: Any,
    sort: str,
    place: tuple[int, int],
    after: RowPlace | None,
) -> TransactionQuerySet:
    """Returns the matches between the two positions in `place`, with the matched words
    highlighted. If a word has synonyms, rows have the attribute `found_by`: see `Condition`.
    """
    matched, part = scope.transactions().filter(condition.where), slice(*place)
    if after is not None:
        beyond = is_beyond(scope, after, oldest_first=sort == "oldest")
        matched = matched.alias(booked_at=BOOKED_AT).filter(beyond)
    if sort == "best":
        # Postgres ranks many rows, but joins accounts and people only to the rows of the requested
        # page.
        newest = one_of(newest_first(matched, scope).values("pk")[:RANKED])
        if condition.direct is not None:
            direct = newest_first(scope.transactions().filter(condition.direct), scope)
            newest |= one_of(direct.values("pk")[:RANKED])
        page = _ranked(newest, condition).values("pk")[part]
        rows = _ranked(one_of(page), condition)
    else:
        rows = _ordered(matched, sort, scope)[part]
    if not scope.is_bank:
        rows = rows.annotate(own_category=own_category(scope.reader))
    if condition.synonyms:
        rows = rows.annotate(found_by=condition.found_by)
    rows = with_highlights(rows, condition.words, scope, note_words=note_words)
    rows = with_party_columns(rows).defer(*NOT_READ)
    return rows.defer("metadata") if condition.words is None else rows


def _ranked(where: Q, condition: Condition) -> TransactionQuerySet:
    """Returns the rows that match `where`, sorted by rank, the best matches first."""
    rows = Transaction.objects.filter(where).annotate(rank=condition.rank)
    ranked: TransactionQuerySet = rows.order_by("-rank", "-created_at", "-pk")
    return ranked


def _ordered(matched: TransactionQuerySet, sort: str, scope: Scope) -> TransactionQuerySet:
    if scope.is_bank and sort != "largest":
        return matched.newest_first() if sort == "newest" else matched.oldest_first()
    ordered: TransactionQuerySet = matched.order_by(*ORDERS[sort])
    return ordered


def entries_with(entries: EntryQuerySet, text: str, account: Account) -> EntryQuerySet:
    """Returns the entries of an account that match a text in the query language of the search page.

    A transaction matches if a search with `account:` of this account finds it. If a word has
    synonyms, the entries have the attribute `found_by`: see `Condition`. Sends one query, which
    reads the holder's accounts and looks up the words of the text in names.
    """
    query = parse(text)
    if text.strip() and query.is_empty:
        return entries.none()
    scope, names = find_scope_and_names(account.user, MINE, query)
    condition = ConditionCompiler(EntrySides(account, scope), names).condition(query)
    found: EntryQuerySet = entries.filter(condition.where)
    return found.annotate(found_by=condition.found_by) if condition.synonyms else found


def mistakes_in(text: str, account: Account) -> list[Mistake]:
    """Returns the mistakes in the search text of an account statement. Mistakes with `is_advice`
    are left out, because the statement uses the text as it was typed. Sends one query if the text
    has `account:`.
    """
    query = parse(text)
    has_account = any(item.kind == "account" for item in query.items)
    accounts = scope_for(account.user).accounts if has_account else ()
    mistakes = [*query.mistakes, *account_mistakes(query, accounts)]
    return [mistake for mistake in mistakes if not mistake.is_advice]


def between(one: Account, other: Account) -> SearchQuery:
    """Returns the tsquery that finds the transactions between two accounts, in both directions."""
    return LexemeQuery(f"{account_lexeme(one.pk)} & {account_lexeme(other.pk)}")
