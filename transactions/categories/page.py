"""What the page of categories shows: the payments of a search, before their category changes."""

from dataclasses import dataclass
from functools import cached_property

from accounts.models import User
from ledger.text.lines import category_label, counted
from transactions.annotations.categories import MOST_AT_ONCE, categories_of
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import scope_for
from transactions.search.batches import all_rows
from transactions.search.engine import SearchResult, find
from transactions.search.language.parser import parse
from transactions.search.page.results import SearchPage
from transactions.search.sql.name_lookup import find_names

NO_QUERY = "Type what to search for, such as rent or to:mara."


@dataclass
class FoundPayments:
    """The payments of a search of one's own. `query` may be empty: then it has none."""

    owner: User
    query: str

    @cached_property
    def result(self) -> SearchResult:
        """The first rows and the counts."""
        return find(scope_for(self.owner), parse(self.query), sort="newest")

    @property
    def rows(self) -> TransactionQuerySet:
        """All payments."""
        scope, query = scope_for(self.owner), parse(self.query)
        if query.is_empty:
            return scope.transactions().none()
        return all_rows(scope, query, find_names(scope, query), oldest_first=False).matched

    @cached_property
    def page(self) -> SearchPage:
        """As the search page shows them."""
        return SearchPage(self.result, may_read_bank=False, may_open_all=True)

    @property
    def is_empty(self) -> bool:
        return self.result.query.is_empty

    @property
    def count(self) -> int:
        return self.result.facets.count

    @property
    def payments(self) -> str:
        return counted(self.count, "payment")

    @property
    def are_too_many(self) -> bool:
        return self.count > MOST_AT_ONCE

    @property
    def now(self) -> str:
        """The categories they have now: "12 Groceries, 3 without one"."""
        found = self.result.facets.category
        texts = [f"{count:,} {category_label(name)}" for name, count in found]
        without = self.count - sum(count for _name, count in found)
        return ", ".join([*texts, *([f"{without:,} without one"] if without else [])])

    @property
    def offered(self) -> list[str]:
        """Categories to choose from."""
        names = [*categories_of(self.owner), *(name for name, _ in self.result.facets.category)]
        return list(dict.fromkeys(names))
