"""Prepares the data of the search page for its templates: rows, chips, facets, and links to other
searches.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ledger.text.dates import month_name
from ledger.text.lines import category_label, counted
from ledger.text.money import in_and_out
from transactions.entry_line import filled, row_format
from transactions.scope import BANK, MINE
from transactions.search.address import categories_url, search_url
from transactions.search.engine import SearchResult
from transactions.search.facets import COUNTED
from transactions.search.language.fields import FIELDS, IS_VALUES
from transactions.search.language.query import ParsedQuery
from transactions.search.language.terms import narrowed, token
from transactions.search.page.examples import examples_for
from transactions.search.page.hits import Hit, HitLine, has_side
from transactions.search.suggestions import Suggestions

MOST_CHOICES = 6
DESCRIBING = ("Category", "Tag")  # facets that are shown even if all results have the same value


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another search. The page shows the link as a chip, as a suggestion or as the value
    of a facet.
    """

    label: str
    url: str
    count: int | None = None
    is_on: bool = False


@dataclass(slots=True)
class Facet:
    """A facet: a heading, and links that limit the search to one value."""

    label: str
    links: list[Link] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """Whether the query contains one of the facet's values."""
        return any(link.is_on for link in self.links)

    def narrows(self, count: int) -> bool:
        """Returns whether the facet can change the search. This is true if a value has fewer rows
        than the search, or if the query contains a value of the facet.
        """
        return self.is_used or any((link.count or 0) < count for link in self.links)


@dataclass
class SearchPage:
    """The result of a search, prepared for the templates."""

    result: SearchResult
    may_read_bank: bool
    may_open_all: bool
    chosen_sort: str = ""
    suggestions: Suggestions = field(default_factory=Suggestions)

    def url(self, **changes: Any) -> str:
        """Returns the URL of this search with some parameters changed. The URL opens the first
        page, unless `page` is among the changes.
        """
        params = {"q": self.query.text, "kind": self.result.scope.kind, "sort": self.chosen_sort}
        return search_url(**{**params, **changes})

    @property
    def query_string(self) -> str:
        """The parameters of this search for links to its files, with a question mark before
        them.
        """
        return f"?{self.url().partition('?')[2]}"

    @property
    def query(self) -> ParsedQuery:
        return self.result.query

    @property
    def categories_url(self) -> str:
        """The URL of the page that changes the category of all results, or "" for the whole
        bank.
        """
        return "" if self.result.scope.is_bank else categories_url(self.query.text)

    @property
    def rows(self) -> SafeString:
        """The HTML of all rows on the page."""
        row = row_format("includes/_hit_row.html", HitLine._fields)
        return filled(row, (hit.line for hit in self.hits))

    @cached_property
    def hits(self) -> list[Hit]:
        reader = self.result.scope.reader.pk
        return [
            Hit(row, self.result, self.may_open_all or has_side(row, reader))
            for row in self.result.rows
        ]

    @property
    def sentence(self) -> str:
        """The headline: the number of matches in words."""
        facets = self.result.facets
        if not self.result.rows:
            return f"There is no page {self.result.page:,}" if facets.count else "Nothing found"
        if facets.is_cut:
            return f"More than {COUNTED:,} payments"
        return counted(facets.count, "payment")

    @cached_property
    def totals(self) -> SafeString:
        """The sums of money in and out for each currency, as HTML. Holds are not included."""
        texts = (
            in_and_out(total.money_in, total.money_out, total.currency)
            for total in self.result.facets.totals
        )
        return format_html_join("; ", "{}", ((text,) for text in texts if text))

    @property
    def totals_explanation(self) -> str:
        """A text that describes the money in the sums. It is "" if the sums include all of the
        reader's own money and no hold was found.
        """
        holds = self.result.facets.holds
        without = f"The sums do not count {counted(holds, 'hold')}." if holds else ""
        return " ".join(filter(None, (self._counted_money, without)))

    @property
    def _counted_money(self) -> str:
        ids = self.result.named_accounts
        if not ids and self.result.scope.is_bank and self.result.facets.totals:
            return "Money into and out of the bank, without payments between its accounts."
        if not ids:
            return ""
        if len(ids) > 1:
            return "Money in and out of these accounts, without transfers between them."
        names = [account.name for account in self.result.scope.accounts if account.pk in ids]
        if names:
            return f"Money in and out of {names[0]}, with transfers between your own accounts."
        return "Money in and out of this account, with transfers."

    @property
    def mistakes(self) -> Iterator[dict[str, Any]]:
        for mistake in self.result.mistakes:
            links = [Link(text, self.url(q=text)) for text in mistake.suggestions]
            yield {
                "sentence": mistake.sentence,
                "links": links,
                "is_hint": mistake.is_hint,
                "is_left_out": not (mistake.is_applied or self.query.is_empty),
            }

    @cached_property
    def suggestion_links(self) -> list[Link]:
        return [Link(query, self.url(q=query)) for query in self.suggestions.queries]

    @cached_property
    def chips(self) -> list[Link]:
        """Links for the terms that every found row matches, except words and phrases. Each link
        removes its term from the query.
        """
        sources = dict.fromkeys(
            item.source for item in self.query.shared if item.kind not in ("word", "phrase")
        )
        return [Link(source, self.url(q=self.query.without(source))) for source in sources]

    @property
    def sorts(self) -> list[Link]:
        names = ["newest", "oldest", "largest"]
        if self.query.words:
            names.insert(0, "best")
        return [
            Link(name.capitalize(), self.url(sort=name), is_on=name == self.result.sort)
            for name in names
        ]

    @cached_property
    def scopes(self) -> list[Link]:
        """Links to the search of the reader's own money and to the search of the whole bank. The
        list is empty if the reader may not read the whole bank.
        """
        if not self.may_read_bank:
            return []
        is_bank = self.result.scope.is_bank
        return [
            Link("My money", self.url(kind=MINE), is_on=not is_bank),
            Link("The whole bank", self.url(kind=BANK), is_on=is_bank),
        ]

    @cached_property
    def facets(self) -> list[Facet]:
        """The facets that can change the search. If there is such a facet, the list also contains
        the facets that describe the results (DESCRIBING).
        """
        facets, scope = self.result.facets, self.result.scope
        names = {account.pk: account.name for account in scope.accounts}
        account_names = [names[pk] for pk, _ in facets.account]
        groups = {
            "Category": [
                (category_label(name), token("category", name), n) for name, n in facets.category
            ],
            "Tag": [(f"#{name}", token("tag", name), n) for name, n in facets.tag],
            "Channel": [(name, token("meta.channel", name), n) for name, n in facets.channel],
            "Month": [(month_name(day), f"date:{day:%Y-%m}", n) for day, n in facets.month],
            "Account": [
                (name, self._account_term(name), n)
                for name, (_, n) in zip(account_names, facets.account, strict=True)
                if account_names.count(name) == 1
            ],
        }
        if scope.is_bank:
            groups["Type"] = [(name, f"type:{name}", n) for name, n in facets.type]
        every = [Facet(label, self._choices(values)) for label, values in groups.items()]
        narrowing = [facet for facet in every if facet.narrows(facets.count)]
        if not narrowing:
            return []
        return [
            facet
            for facet in every
            if facet in narrowing or (facet.label in DESCRIBING and facet.links)
        ]

    def _account_term(self, name: str) -> str:
        """Returns the term that limits the search to an account. Returns "" if no term finds the
        rows that the facet counts.

        In a query with `account:`, `is:in`, `is:out` and signs of amounts mean money into or out of
        that account. So such a query would also find transfers between the reader's accounts, which
        the facet does not count. The term `-is:own` leaves these transfers out.
        """
        term, groups = token("account", name), self.query.groups
        directed = [[item for item in group if item.is_directed] for group in groups]
        if not any(directed) or self.query.has(term):
            return term
        items = self.query.items
        is_simple = all(directed) and not any(
            item.kind == "account" or (item.is_directed and item.is_negated) for item in items
        )
        return f"{term} -is:own" if term and is_simple else ""

    def _choices(self, values: Sequence[tuple[str, str, int]]) -> list[Link]:
        links = []
        for label, term, count in values[:MOST_CHOICES]:
            is_on = bool(term) and self.query.has(term)
            query = self.query.without(term) if is_on else narrowed(self.query, term)
            if not (is_on or query):
                continue
            links.append(Link(label, self.url(q=query), count, is_on))
        return links

    @cached_property
    def completions(self) -> list[Link]:
        """Links to queries that complete the last typed word: to the name of a field, or after
        "account:" to one of the reader's accounts.
        """
        head, _, last = self.query.text.rpartition(" ")
        typed, is_bank = last.lstrip("-").lower(), self.result.scope.is_bank
        terms: list[str] = []
        if len(typed) > 1 and typed.isalpha():
            fields = [name for name, known in FIELDS.items() if is_bank or not known.bank_only]
            terms = [f"{name}:" for name in fields if name.startswith(typed)]
            terms += ["meta."] if "meta.".startswith(typed) else []
        elif typed.startswith("account:") and not is_bank:
            terms = self._account_terms(typed.removeprefix("account:").strip('"'))
        return [Link(term, self.url(q=f"{head} {term}".strip())) for term in terms[:MOST_CHOICES]]

    def _account_terms(self, typed: str) -> list[str]:
        names = [account.name for account in self.result.scope.accounts]
        matches = [
            name for name in names if name.lower().startswith(typed) and name.lower() != typed
        ]
        return [term for name in matches if (term := token("account", name))]

    @property
    def examples(self) -> list[dict[str, str]]:
        """Example queries with values from the reader's rows. One example has a link for each value
        of is:.
        """
        return [
            {
                "query": example.query,
                "description": example.description,
                "url": self.url(q=example.query, sort=""),
                "values": is_links(self.result.scope.kind) if example.query[:3] == "is:" else "",
            }
            for example in examples_for(self.result)
        ]

    @property
    def searched_texts(self) -> str:
        """The texts that a word searches, such as "the description, the reference and the
        metadata".
        """
        scope = self.result.scope
        texts = ["the description", "the reference", "the metadata"]
        texts += ["the name on the other side"] if scope.shows_names else []
        texts += [] if scope.is_bank else ["your own notes and tags"]
        return f"{', '.join(texts[:-1])} and {texts[-1]}"

    @property
    def work_url(self) -> str:
        """The URL of this page with its SQL queries and query plans. The normal page does not
        contain the queries and plans, because they are longer than the page.
        """
        return f"{self.url(page=self.result.page, plans=1)}#work"

    @cached_property
    def older_url(self) -> str:
        return self.url(page=self.result.page + 1) if self.result.has_more else ""

    @cached_property
    def newer_url(self) -> str:
        return self.url(page=self.result.page - 1) if self.result.page > 1 else ""

    @property
    def first_url(self) -> str:
        return self.url()

    @property
    def last_url(self) -> str:
        """The URL of the last page if the requested page does not exist, otherwise ""."""
        is_beyond = self.result.facets.count and not self.result.rows
        return self.url(page=self.result.last_page) if is_beyond else ""


@cache
def is_links(kind: str) -> SafeString:
    """Returns HTML with one link for each value of is:. The result is cached, because it depends
    only on the kind of the scope.
    """
    return format_html_join(
        ", ",
        '<a href="{}" title="{}">{}</a>',
        ((search_url(f"is:{value}", kind), text, value) for value, text in IS_VALUES.items()),
    )
