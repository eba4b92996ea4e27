"""The search: what a person types, turned into rows that the indexes find.

`query_language` reads the text, `search_names` finds whom its words mean, `search_terms` makes
conditions of it, `facets` counts and `highlights` marks. See docs/search.md.
"""

from dataclasses import dataclass, field
from uuid import UUID

from django.contrib.postgres.search import SearchQuery

from accounts.models import Account
from ledger.db.tsqueries import LexemeQuery, lexeme_of
from transactions.annotations.search import one_of
from transactions.models import Transaction
from transactions.models.entry import EntryQuerySet
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope, newest_first
from transactions.search.conditions.accounts import account_mistakes, names_mistakes
from transactions.search.conditions.names import NameMatches, names_in
from transactions.search.conditions.parts import Condition, noted_words
from transactions.search.conditions.sides import EntrySides, TransactionSides
from transactions.search.conditions.terms import TermCompiler
from transactions.search.facets import Facets, facets_of
from transactions.search.highlights import marked
from transactions.search.language.parser import parse
from transactions.search.language.tree import Mistake, ParsedQuery

__all__ = [
    "LexemeQuery",
    "SearchResult",
    "between",
    "entries_with",
    "find",
    "mistakes_in",
    "side_lexeme",
]

PAGE = 25
MOST_PAGES = 400
RANKED = 1_000  # the newest matches, among which the best come first
SORTS = ("best", "newest", "oldest", "largest")
ORDERS = {
    "newest": ("-created_at", "-pk"),
    "oldest": ("created_at", "pk"),
    "largest": ("-amount", "-created_at", "-pk"),
}


@dataclass(slots=True)
class SearchResult:
    """A page of what a query found, and what is said about all of it."""

    scope: Scope
    query: ParsedQuery
    sort: str
    page: int = 1
    rows: list[Transaction] = field(default_factory=list)
    has_more: bool = False
    facets: Facets = field(default_factory=Facets)
    mistakes: list[Mistake] = field(default_factory=list)
    inside: tuple[UUID, ...] = ()  # what money comes in and goes out of; none for the whole scope

    @property
    def last_page(self) -> int:
        """The number of the last page there is, 1 where nothing was found."""
        most = RANKED if self.sort == "best" else MOST_PAGES * PAGE
        return max(1, -(-min(self.facets.count, most) // PAGE))

    @property
    def is_ranked_short(self) -> bool:
        """Whether more fits than is ranked."""
        return self.sort == "best" and self.facets.count > RANKED


def find(
    scope: Scope,
    text: str | ParsedQuery,
    *,
    sort: str = "",
    page: int = 1,
    names: NameMatches | None = None,
) -> SearchResult:
    """A page of the rows within a scope that meet a query, in at most three queries.

    `sort` is one of SORTS; best first unless it is said, where there are words to rank by.
    `names` are whom its words mean, where that is known already. Without any text, all rows
    fit: the page makes its examples of them. Never raises for a text.
    """
    query = parse(text) if isinstance(text, str) else text
    names = names_in(scope, query) if names is None else names
    dialect = TransactionSides(scope)
    terms = TermCompiler(dialect, names)
    condition = terms.condition(query)
    if sort not in SORTS or (sort == "best" and condition.words is None):
        sort = "best" if condition.words is not None else "newest"
    found = SearchResult(scope, query, sort, max(page, 1), mistakes=[*query.mistakes])
    found.mistakes += names_mistakes(query, scope, names)
    found.inside = terms.inside(query)
    if query.is_empty and query.text:
        return found  # nothing of it was understood
    matched = scope.transactions().filter(condition.where)
    ordered = _ordered(matched, condition, found.sort, scope)
    rows = marked(ordered, condition.words, scope, noted=noted_words(query))
    start = (found.page - 1) * PAGE
    sided = rows.select_related("from_account__user", "to_account__user")
    cut = list(sided[start:][: PAGE + 1]) if found.page <= MOST_PAGES else []
    found.rows, found.has_more = cut[:PAGE], len(cut) > PAGE and found.page < MOST_PAGES
    if found.rows or found.page > 1:
        found.facets = facets_of(matched, dialect, found.inside)
    return found


def _ordered(
    matched: TransactionQuerySet, condition: Condition, sort: str, scope: Scope
) -> TransactionQuerySet:
    if sort != "best":
        if scope.is_bank and sort != "largest":
            return matched.newest_first() if sort == "newest" else matched.oldest_first()
        ordered: TransactionQuerySet = matched.order_by(*ORDERS[sort])
        return ordered
    newest = newest_first(matched, scope).values("pk")[:RANKED]
    rows = Transaction.objects.filter(one_of(newest)).annotate(rank=condition.rank)
    ranked: TransactionQuerySet = rows.order_by("-rank", "-created_at", "-pk")
    return ranked


def entries_with(entries: EntryQuerySet, text: str, account: Account) -> EntryQuerySet:
    """The entries of one account that a person means by `text`, in the same language.

    Takes a query of its own where the text has words that may be names.
    """
    query = parse(text)
    dialect = EntrySides(account)
    condition = TermCompiler(dialect, names_in(dialect.scope, query)).condition(query)
    if text.strip() and query.is_empty:
        return entries.none()
    return entries.filter(condition.where)


def mistakes_in(text: str, account: Account) -> list[Mistake]:
    """What of a statement's filter could not be read."""
    query = parse(text)
    return [*query.mistakes, *account_mistakes(query, [account])]


def side_lexeme(account: Account) -> str:
    """The lexeme by which the search column names an account, see Note [Search column]."""
    return lexeme_of(account.pk)


def between(one: Account, other: Account) -> SearchQuery:
    """The rows that have both accounts as sides, whichever way the money went."""
    return LexemeQuery(f"{side_lexeme(one)} & {side_lexeme(other)}")
