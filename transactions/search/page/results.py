"""What the search page shows: hits, chips, facets and suggestions. Its state is its address."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import cached_property
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ledger.text.lines import category_label, counted
from ledger.text.money import money
from transactions.search.address import search_url
from transactions.search.engine import SearchResult
from transactions.search.facets import COUNTED
from transactions.search.language.fields import FIELDS, IS_WORDS
from transactions.search.language.parser import token
from transactions.search.language.tree import ParsedQuery
from transactions.search.page.examples import examples_for
from transactions.search.page.hits import Hit, has_side
from transactions.search.suggestions import Suggestions

MOST_CHOICES = 6


@dataclass(frozen=True, slots=True)
class Link:
    """Something to press: a chip, a suggestion, a facet's value."""

    label: str
    url: str
    count: int | None = None
    is_on: bool = False


@dataclass(slots=True)
class Facet:
    """Values by which the hits may be narrowed."""

    label: str
    links: list[Link] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        """Whether one of its values is chosen."""
        return any(link.is_on for link in self.links)

    def narrows(self, count: int) -> bool:
        """Whether a value is of fewer rows than there are, or may be taken away again."""
        return self.is_used or any((link.count or 0) < count for link in self.links)


@dataclass
class SearchPage:
    """What the templates ask for."""

    found: SearchResult
    may_read_bank: bool
    may_open_all: bool
    chosen_sort: str = ""
    suggestions: Suggestions = field(default_factory=Suggestions)

    def url(self, **changes: Any) -> str:
        """The page's address with something changed; page one unless another is named."""
        query, whose = self.found.query.text, self.found.scope.whose
        return search_url(**{"q": query, "whose": whose, "sort": self.chosen_sort, **changes})

    @property
    def query(self) -> ParsedQuery:
        return self.found.query

    @property
    def hits(self) -> list[Hit]:
        reader = self.found.scope.reader.pk
        return [
            Hit(row, self.found, self.may_open_all or has_side(row, reader))
            for row in self.found.rows
        ]

    @property
    def sentence(self) -> str:
        """How many there are, in words."""
        facets = self.found.facets
        if not self.found.rows:
            return f"There is no page {self.found.page:,}" if facets.count else "Nothing found"
        if facets.is_cut:
            return f"More than {COUNTED:,} payments"
        return counted(facets.count, "payment")

    @property
    def totals(self) -> SafeString:
        """What the booked ones among them come to, a currency after the other."""
        said = []
        for total in self.found.facets.totals:
            parts = [
                f"{money(amount, total.currency)} {way}"
                for amount, way in ((total.money_in, "in"), (total.money_out, "out"))
                if amount
            ]
            said += [" and ".join(parts)] if parts else []
        return format_html_join("; ", "{}", ((text,) for text in said))

    @property
    def totals_are_of(self) -> str:
        """Of which accounts money in and out are, where that is not the whole scope."""
        inside = self.found.inside
        if not inside:
            return ""
        if len(inside) > 1:
            return (
                "What came into these accounts together and went out of them; "
                "moves between them are left out."
            )
        names = [account.name for account in self.found.scope.accounts if account.pk in inside]
        moves = "moves between your own accounts too" if names else "transfers too"
        return (
            f"What came into {names[0] if names else 'this account'} and went out of it, {moves}."
        )

    @property
    def mistakes(self) -> Iterator[dict[str, Any]]:
        for mistake in self.found.mistakes:
            meant = [Link(text, self.url(q=text)) for text in mistake.meant]
            yield {
                "sentence": mistake.sentence,
                "meant": meant,
                "is_hint": mistake.is_hint,
                "is_left_out": not (mistake.is_asked or self.query.is_empty),
            }

    @property
    def meant(self) -> list[Link]:
        return [Link(query, self.url(q=query)) for _, query in self.suggestions.meant]

    @property
    def chips(self) -> list[Link]:
        """What narrows the hits beside words, each to be taken away."""
        seen = {
            item.source: item for item in self.query.items if item.kind not in ("word", "phrase")
        }
        return [Link(source, self.url(q=self.query.without(source))) for source in seen]

    @property
    def sorts(self) -> list[Link]:
        names = ["newest", "oldest", "largest"]
        if self.query.words:
            names.insert(0, "best")
        return [
            Link(name.capitalize(), self.url(sort=name), is_on=name == self.found.sort)
            for name in names
        ]

    @property
    def whose(self) -> list[Link]:
        """My money or the whole bank, for whom there is a choice."""
        if not self.may_read_bank:
            return []
        is_bank = self.found.scope.is_bank
        return [
            Link("My money", self.url(whose=""), is_on=not is_bank),
            Link("The whole bank", self.url(whose="bank"), is_on=is_bank),
        ]

    @cached_property
    def facets(self) -> list[Facet]:
        """By what the hits may be narrowed; what would narrow nothing is left out."""
        facets, scope = self.found.facets, self.found.scope
        names = {account.pk: account.name for account in scope.accounts}
        named = [names[pk] for pk, _ in facets.account]
        groups = {
            "Category": [
                (category_label(name), token("category", name), n) for name, n in facets.category
            ],
            "Tag": [(f"#{name}", token("tag", name), n) for name, n in facets.tag],
            "Channel": [(name, token("meta.channel", name), n) for name, n in facets.channel],
            "Month": [(f"{day:%B %Y}", f"date:{day:%Y-%m}", n) for day, n in facets.month],
            "Account": [
                (name, token("account", name), n)
                for name, (_, n) in zip(named, facets.account, strict=True)
                if named.count(name) == 1
            ],
        }
        if scope.is_bank:
            groups["Type"] = [(name, f"type:{name}", n) for name, n in facets.type]
        found = (Facet(label, self._choices(values)) for label, values in groups.items())
        return [facet for facet in found if facet.narrows(facets.count)]

    def _choices(self, values: Sequence[tuple[str, str, int]]) -> list[Link]:
        links = []
        for label, source, count in values[:MOST_CHOICES]:
            if not source:
                continue
            is_on = self.query.has(source)
            other = self.query.without(source) if is_on else self.query.adding(source)
            links.append(Link(label, self.url(q=other), count, is_on))
        return links

    @property
    def completions(self) -> list[Link]:
        """Fields that go on from the last word, and one's own accounts after account:."""
        head, _, last = self.query.text.rpartition(" ")
        begun = last.lstrip("-")
        goes_on = []
        if len(begun) > 1 and begun.isalpha():
            is_bank = self.found.scope.is_bank
            known = [name for name, said in FIELDS.items() if is_bank or not said.bank_only]
            goes_on = [f"{name}:" for name in (*known, "meta.") if name.startswith(begun.lower())]
        elif begun.lower().startswith("account:") and not self.found.scope.is_bank:
            typed = begun[8:].strip('"').lower()
            names = [account.name for account in self.found.scope.accounts]
            fit = [
                name for name in names if name.lower().startswith(typed) and name.lower() != typed
            ]
            goes_on = [said for name in fit if (said := token("account", name))]
        return [
            Link(said.replace(".:", "."), self.url(q=f"{head} {said.replace('.:', '.')}".strip()))
            for said in goes_on[:MOST_CHOICES]
        ]

    @property
    def examples(self) -> list[dict[str, str]]:
        """The language by what there is among the reader's own rows."""
        known = examples_for(self.found)
        return [
            {"query": each.query, "says": each.says, "url": self.url(q=each.query, sort="")}
            for each in known
        ]

    @property
    def is_words(self) -> list[dict[str, str]]:
        """What is: may say."""
        return [
            {"query": word, "label": says, "url": self.url(q=f"is:{word}", sort="")}
            for word, says in IS_WORDS.items()
        ]

    @property
    def work_url(self) -> str:
        """This page with its queries and their plans, which are longer than the page itself."""
        return f"{self.url(page=self.found.page, plans=1)}#work"

    @property
    def older_url(self) -> str:
        return self.url(page=self.found.page + 1) if self.found.has_more else ""

    @property
    def newer_url(self) -> str:
        return self.url(page=self.found.page - 1) if self.found.page > 1 else ""

    @property
    def first_url(self) -> str:
        return self.url()

    @property
    def last_url(self) -> str:
        """The last page, where one beyond it was asked for."""
        beyond = self.found.facets.count and not self.found.rows
        return self.url(page=self.found.last_page) if beyond else ""
