"""What the search page shows: hits, chips, facets and suggestions. Its state is its address."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.models import Account
from accounts.templatetags.money import money, signed
from transactions.facets import COUNTED
from transactions.highlights import AROUND, START, plain, shown
from transactions.models import Transaction, reversal_word
from transactions.nearest import Nearest
from transactions.query_language import Query, token
from transactions.query_words import FIELDS, IS_WORDS
from transactions.receipts import tidy
from transactions.search import Found
from transactions.search_examples import examples_for

LINES = 3  # lines of the metadata shown for a hit
MOST_CHOICES = 6
ARROW = mark_safe(' <span aria-hidden="true">→</span><span class="visually-hidden">to</span> ')


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


@dataclass(frozen=True, slots=True)
class Hit:
    """One row as the page shows it, from the reader's side."""

    row: Transaction
    found: Found
    reader_may_open: bool

    @property
    def url(self) -> str:
        """The receipt, where the reader may open it."""
        return reverse("transactions:detail", args=[self.row.pk]) if self.reader_may_open else ""

    @property
    def way(self) -> str:
        """ "in", "out" or "own", to the reader or to the bank."""
        row, ids = self.row, self.found.reach.ids
        if self.found.reach.is_bank:
            return {"deposit": "in", "withdrawal": "out"}.get(row.type, "own")
        to, from_ = row.to_account_id in ids, row.from_account_id in ids
        return "own" if to and from_ else "in" if to else "out"

    @property
    def amount(self) -> str:
        amount: Decimal = self.row.amount
        if self.way == "own":
            return signed(amount, self.row.currency).lstrip("+")
        return signed(amount if self.way == "in" else -amount, self.row.currency)

    @property
    def css(self) -> str:
        if self.row.is_hold:
            return "amount--pending"
        return {"in": "amount--in", "out": "amount--out"}.get(self.way, "")

    @property
    def headline(self) -> SafeString:
        """Who stands on the other side, or both sides; otherwise what it was."""
        from_, to = self._side("from"), self._side("to")
        if self.way == "own":
            return from_ + ARROW + to if from_ and to else self._text("description")
        other = from_ if self.way == "in" else to
        if self.found.reach.is_bank:
            other = to if self.way == "in" else from_
        return other or self._text("description") or escape(self.row.get_type_display())

    def _side(self, side: str) -> SafeString:
        """A holder; one's own account by its name; a number's end where names are hidden."""
        account: Account | None = getattr(self.row, f"{side}_account")
        if account is None:
            return mark_safe("")
        if not self.found.reach.names:
            return escape(f"Account ··{account.number[-4:]}")
        is_mine = not self.found.reach.is_bank and account.pk in self.found.reach.ids
        if is_mine:
            return self._said(f"said_{side}_account", account.name)
        return self._said(f"said_{side}", account.user.name)

    def _said(self, marked: str, stored: str) -> SafeString:
        return shown(getattr(self.row, marked, None) or plain(stored))

    def _text(self, name: str) -> SafeString:
        return self._said(f"said_{name}", getattr(self.row, name))

    @property
    def account(self) -> str:
        """Which of the reader's own accounts it was."""
        if self.way == "own" or self.found.reach.is_bank:
            return ""
        own = self.row.to_account if self.way == "in" else self.row.from_account
        return own.name if own else ""

    @property
    def details(self) -> list[SafeString]:
        """What stands under the name, after the time."""
        texts = [self._text("description"), self._text("reference")]
        if texts[0] == self.headline:
            texts = texts[1:]
        if self.row.category and not any(START in said for _, said in self._marked):
            texts.append(escape(self.row.category[:40]))
        return [text for text in texts if text]

    @property
    def _marked(self) -> list[tuple[str, str]]:
        """The lines of the metadata that have a mark in them."""
        said = getattr(self.row, "said_metadata", None)
        if not said or START not in said:
            return []
        return [line for line in tidy(json.loads(said)) if START in line[1]][:LINES]

    @property
    def lines(self) -> SafeString:
        """Why it was found, where that is in its metadata: "Merchant city: Porto"."""
        lines = ((plain(label)[:AROUND], shown(said)) for label, said in self._marked)
        return format_html_join(" · ", "{}: {}", lines)

    @property
    def badges(self) -> list[str]:
        row = self.row
        if row.is_reversal:
            return [reversal_word(row.type)]
        if not row.is_hold:
            return []
        if row.is_pending:
            return ["held", *(["expired"] if row.is_expired else [])]
        return [{"captured": "hold, taken"}.get(row.status, "hold, let go")]


@dataclass
class SearchPage:
    """What the templates ask for."""

    found: Found
    may_read_bank: bool
    may_open_all: bool
    chosen_sort: str = ""
    nearest: Nearest = field(default_factory=Nearest)

    def url(self, **changes: Any) -> str:
        """The page's address with something changed; page one unless another is named."""
        whose = self.found.reach.whose if self.found.reach.is_bank else ""
        asked = {"q": self.found.query.text, "whose": whose, "sort": self.chosen_sort, **changes}
        kept = {name: value for name, value in asked.items() if value}
        return f"{reverse('transactions:search')}?{urlencode(kept)}"

    @property
    def query(self) -> Query:
        return self.found.query

    @property
    def hits(self) -> list[Hit]:
        reader = self.found.reach.reader.pk
        return [
            Hit(row, self.found, self.may_open_all or _has(row, reader)) for row in self.found.rows
        ]

    @property
    def sentence(self) -> str:
        """How many there are, in words."""
        facets = self.found.facets
        if not self.found.rows:
            return "Nothing found"
        if facets.is_cut:
            return f"More than {COUNTED:,} payments"
        return f"{facets.count:,} {'payment' if facets.count == 1 else 'payments'}"

    @property
    def totals(self) -> SafeString:
        """What the booked ones among them come to, a currency after the other."""
        said = []
        for total in self.found.facets.totals[:4]:
            parts = [
                f"{money(amount, total.currency)} {way}"
                for amount, way in ((total.money_in, "in"), (total.money_out, "out"))
                if amount
            ]
            said += [" and ".join(parts)] if parts else []
        return format_html_join("; ", "{}", ((text,) for text in said))

    @property
    def mistakes(self) -> Iterator[dict[str, Any]]:
        for mistake in self.found.mistakes:
            meant = [Link(text, self.url(q=text)) for text in mistake.meant]
            yield {"sentence": mistake.sentence, "meant": meant, "is_hint": mistake.is_hint}

    @property
    def meant(self) -> list[Link]:
        return [Link(query, self.url(q=query)) for _, query in self.nearest.meant]

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
        is_bank = self.found.reach.is_bank
        return [
            Link("My money", self.url(whose=""), is_on=not is_bank),
            Link("The whole bank", self.url(whose="bank"), is_on=is_bank),
        ]

    @cached_property
    def facets(self) -> list[Facet]:
        """By what the hits may be narrowed; what would narrow nothing is left out."""
        facets, reach = self.found.facets, self.found.reach
        names = {account.pk: account.name for account in reach.accounts}
        named = [names[pk] for pk, _ in facets.account]
        groups = {
            "Category": [(name, token("category", name), n) for name, n in facets.category],
            "Channel": [(name, token("meta.channel", name), n) for name, n in facets.channel],
            "Month": [(f"{day:%B %Y}", f"date:{day:%Y-%m}", n) for day, n in facets.month],
            "Account": [
                (name, token("account", name), n)
                for name, (_, n) in zip(named, facets.account, strict=True)
                if named.count(name) == 1
            ],
        }
        if reach.is_bank:
            groups["Type"] = [(name, f"type:{name}", n) for name, n in facets.type]
        found = (Facet(label, self._choices(values)) for label, values in groups.items())
        return [facet for facet in found if len(facet.links) > 1 or facet.is_used]

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
            goes_on = [f"{name}:" for name in (*FIELDS, "meta.") if name.startswith(begun.lower())]
        elif begun.lower().startswith("account:") and not self.found.reach.is_bank:
            typed = begun[8:].strip('"').lower()
            names = [account.name for account in self.found.reach.accounts]
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
    def older_url(self) -> str:
        return self.url(page=self.found.page + 1) if self.found.has_more else ""

    @property
    def newer_url(self) -> str:
        return self.url(page=self.found.page - 1) if self.found.page > 1 else ""


def _has(row: Transaction, reader: Any) -> bool:
    """Whether a side of the row is the reader's."""
    return any(side and side.user_id == reader for side in (row.from_account, row.to_account))
