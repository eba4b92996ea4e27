"""Data for the page "Categories", which shows the payments that a search finds."""

from dataclasses import dataclass
from functools import cached_property

from accounts.models import User
from ledger.text.lines import category_label, counted, has_hidden_signs
from transactions.annotations.categories import categories_of
from transactions.annotations.models import OwnCategory
from transactions.categories.models import CategoryRule
from transactions.categories.rules import rows_of
from transactions.categories.services import MAX_PER_CHANGE
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import scope_for
from transactions.search.engine import SearchResult, find
from transactions.search.language.parser import parse
from transactions.search.page.results import SearchPage


@dataclass
class FoundPayments:
    """The payments that a search finds. The person wants to change their category.

    A search that is empty or has a mistake finds no payments, so that nobody changes all payments
    by accident.
    """

    owner: User
    query: str

    @cached_property
    def result(self) -> SearchResult:
        """The result of the search: the first rows and the counts."""
        return find(scope_for(self.owner), parse(self.query), sort="newest")

    @property
    def rows(self) -> TransactionQuerySet:
        """All payments that the search finds."""
        return rows_of(self.owner, self.query)

    @cached_property
    def page(self) -> SearchPage:
        """The rows of the result, as the template of the search page needs them."""
        return SearchPage(self.result, may_read_bank=False, may_open_all=True)

    @cached_property
    def is_empty(self) -> bool:
        return parse(self.query).is_empty or self.has_mistake

    @cached_property
    def has_mistake(self) -> bool:
        """Whether the search has a mistake. Parts with a mistake are ignored."""
        return any(not mistake.is_advice for mistake in parse(self.query).mistakes)

    @property
    def count(self) -> int:
        return 0 if self.is_empty else self.result.facets.count

    @property
    def payments(self) -> str:
        return counted(self.count, "payment")

    @property
    def are_too_many(self) -> bool:
        return self.count > MAX_PER_CHANGE

    @property
    def now(self) -> str:
        """The current categories of the payments as text, such as "12 Groceries, 3 without a
        category".
        """
        found = self.result.facets.category
        texts = [f"{count:,} {category_label(name)}" for name, count in found]
        without = self.count - sum(count for _name, count in found)
        return ", ".join([*texts, *([f"{without:,} without a category"] if without else [])])

    @property
    def offered(self) -> list[str]:
        """The categories from which the person can choose."""
        names = [*categories_of(self.owner), *(name for name, _ in self.result.facets.category)]
        return [name for name in dict.fromkeys(names) if not has_hidden_signs(name)]


@dataclass
class TriedRule(FoundPayments):
    """The effect that a rule would have on past payments. `rule` is None for a new rule."""

    category: str = ""
    rule: CategoryRule | None = None

    @cached_property
    def kept(self) -> int:
        """The number of these payments that the rule would not change, because the owner or another
        rule has set their category.
        """
        given = OwnCategory.objects.of(self.owner).filter(transaction__in=self.rows)
        if self.rule is not None:
            given = given.exclude(change=self.rule.pk)
        return given.values("transaction").distinct().count()

    @property
    def sentence(self) -> str:
        """The effect as text: "9 of them would get Groceries; 3 keep the
        category you chose."
        """
        label, rest = category_label(self.category), self.count - self.kept
        keep = "keeps" if self.kept == 1 else "keep"
        kept = f"; {self.kept:,} {keep} the category you chose" if self.kept else ""
        return f"{rest:,} of them would get {label}{kept}."
