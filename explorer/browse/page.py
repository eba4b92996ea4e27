"""The context of the page `/explorer/browse/`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from accounts.models import Account
from explorer.browse.dimensions import (
    COUNTERPARTY,
    KEY,
    LONGEST,
    META,
    MONTH,
    Dimension,
    dimensions_for,
    may_see_values,
)
from explorer.browse.groups import CurrencySum, PaymentGroup, PaymentGroups
from ledger.charts.geometry import BarChart, Chart, ColumnChart, Mark
from ledger.text.lines import counted, shortened, visible
from ledger.text.money import money
from transactions.scope import BANK, MINE, Scope
from transactions.search.address import EVERY_PAYMENT, search_url
from transactions.search.language.query import Mistake, ParsedQuery
from transactions.search.language.terms import meta_field, narrowed, token

DRAWN, DRAWN_MONTHS, LONGEST_LABEL = 10, 24, 40
HOLDS = "Counts include holds, sums do not. Different currencies are never added."
Accounts = Mapping[str, Account]  # by the account's id as text


def browse_url(q: str = "", by: str = "", kind: str = MINE) -> str:
    """Returns the URL of the page for a search query, grouped by the dimension with this name."""
    params = {"q": q, "by": by, "whose": "" if kind == MINE else kind}
    filled = {name: value for name, value in params.items() if value}
    return f"{reverse('explorer:browse')}{'?' if filled else ''}{urlencode(filled, safe=':')}"


@dataclass(frozen=True, slots=True)
class BrowseStep:
    """A link to a page `/explorer/browse/` with another query, dimension or scope. `is_on` is True
    if the link is the current choice.
    """

    label: str
    url: str
    is_on: bool = False


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group in the list. `url` links to its payments, grouped by the next dimension. `search_url`
    links to a search for its payments. A URL is "" if there is no link.
    """

    label: str
    url: str
    search_url: str
    count: int
    sums: list[str]


@dataclass
class BrowsePage:
    """The context of a page: the payments that a query finds, grouped by a dimension."""

    scope: Scope
    query: ParsedQuery
    dimension: Dimension
    found: PaymentGroups
    mistakes: list[Mistake]
    accounts: Accounts = field(default_factory=dict)
    may_read_bank: bool = False
    is_stopped: bool = False

    def url(self, **changes: Any) -> str:
        kept = {"q": self.query.text, "by": self.dimension.name, "kind": self.scope.kind}
        return browse_url(**{**kept, **changes})

    @property
    def query_string(self) -> str:
        """The query string of this page's URL with its question mark, or ""."""
        _path, mark, parameters = self.url().partition("?")
        return mark + parameters

    @property
    def sentence(self) -> str:
        if self.is_stopped:
            return "That took too long"
        if not self.found.count:
            return "No payments match" if self.query.text else "No payments yet"
        if self.found.is_cut:
            return f"The newest {self.found.count:,} payments by {self.dimension.title.lower()}"
        return f"{counted(self.found.count, 'payment')} by {self.dimension.title.lower()}"

    @property
    def explanation(self) -> str:
        """The text that explains the sums."""
        if self.scope.is_bank:
            return f"Sums of booked money. {HOLDS}"
        return f"Sums of your booked money. {HOLDS}"

    @cached_property
    def lines(self) -> list[GroupLine]:
        return [self._line(group) for group in self.found.groups]

    def _line(self, group: PaymentGroup) -> GroupLine:
        label, term = self._label(group), self._term(group)
        query = narrowed(self.query, term)
        search = search_url(query, self.scope.kind) if query else ""
        url = ""
        if self.dimension.name == KEY:
            is_link = term and may_see_values(self.scope)
            url = self.url(by=meta_field([group.value])) if is_link else ""
        elif query:
            url = self.url(q=query, by=self.dimension.then)
        sums = [text for each in group.sums for text in self._money(each)]
        return GroupLine(label, url, search, group.count, sums)

    def _label(self, group: PaymentGroup) -> str:
        account = self.accounts.get(str(group.value))
        if self.dimension.name != COUNTERPARTY or account is None:
            return shortened(visible(self.dimension.label(group.value)), LONGEST)
        ending = f"\N{MIDDLE DOT}\N{MIDDLE DOT}{account.number[-4:]}"
        if self.scope.is_bank and not self.scope.shows_names:
            return ending
        is_own = account.user_id == self.scope.reader.pk and not self.scope.is_bank
        return f"{account.name if is_own else account.user.name} {ending}"

    def _term(self, group: PaymentGroup) -> str:
        account = self.accounts.get(str(group.value))
        if self.dimension.name != COUNTERPARTY or account is None:
            return self.dimension.term(group.value)
        if self.scope.is_bank:
            key = account.number if self.scope.shows_names else str(account.pk)
            return token("account", key)
        return token("with", account.number)

    def _money(self, each: CurrencySum) -> Iterator[str]:
        """Yields texts with the booked money of one currency. On a page about the whole bank, there
        is one text with the moved money. On a page about a user's money, the texts are the money
        into and out of the user's accounts. If a group contains only payments between these
        accounts, the text is the moved money. Yields nothing if no money was booked.
        """
        parts = [(each.money_in, "in"), (each.money_out, "out")]
        if self.scope.is_bank:
            parts = [(each.moved, "")]
        elif not (each.money_in or each.money_out):
            parts = [(each.moved, "between your accounts")]
        for amount, direction in parts:
            if amount:
                yield f"{money(amount, each.currency)} {direction}".rstrip()

    @property
    def chart(self) -> Chart | None:
        """A chart with the number of payments of each group. Every bar is a link. The value is None
        if there are fewer than two groups.
        """
        lines = self.lines
        if len(lines) < 2:
            return None
        if self.dimension.name == MONTH:
            marks = [
                replace(_mark(line), label=f"{group.value:%b}")
                for line, group in zip(lines, self.found.groups, strict=True)
            ][:DRAWN_MONTHS][::-1]
            return ColumnChart("Payments by month", marks)
        marks = [_mark(line) for line in lines[:DRAWN]]
        return BarChart(f"Payments by {self.dimension.title.lower()}", marks)

    @property
    def dimensions(self) -> list[BrowseStep]:
        """Links to the same payments, grouped by another dimension."""
        name = self.dimension.name
        steps = [
            BrowseStep(each.title, self.url(by=each.name), each.name == name)
            for each in dimensions_for(self.scope)
        ]
        if name.startswith(META):
            steps.append(
                BrowseStep(shortened(self.dimension.title, LONGEST_LABEL), self.url(), True)
            )
        return steps

    @property
    def chips(self) -> Iterator[BrowseStep]:
        """Yields a link for each search term of the page's query. The label is the term. The link
        opens the page without this term.
        """
        for source in dict.fromkeys(item.source for item in self.query.shared):
            yield BrowseStep(source, self.url(q=self.query.without(source)))

    @property
    def scopes(self) -> list[BrowseStep]:
        """Links to the user's own money and to the whole bank, or an empty list for users who may
        not read the bank.
        """
        if not self.may_read_bank:
            return []
        is_bank = self.scope.is_bank
        return [
            BrowseStep("My money", self.url(kind=MINE), not is_bank),
            BrowseStep("The whole bank", self.url(kind=BANK), is_bank),
        ]

    @property
    def search_url(self) -> str:
        """The URL of a search for the payments of this page."""
        return search_url(self.query.text or EVERY_PAYMENT, self.scope.kind)


def _mark(line: GroupLine) -> Mark:
    label = shortened(line.label, LONGEST_LABEL)
    return Mark(label, Decimal(line.count), f"{line.count:,}", title=line.label, url=line.url)
