"""A row that was found, said from the reader's side, with what matched marked."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from django.urls import reverse
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString, mark_safe

from accounts.models import Account
from ledger.text.lines import category_label
from ledger.text.money import signed
from transactions.models import Transaction, reversal_word
from transactions.search.engine import SearchResult
from transactions.search.highlights import AROUND, START, plain, shown

LINES = 3  # lines of the metadata shown for a hit
# Not with hidden words: they would stick out of a name that is cut off.
ARROW = mark_safe(' <span role="img" aria-label="to">→</span> ')


@dataclass(frozen=True, slots=True)
class Hit:
    """One row as the page shows it, from the reader's side."""

    row: Transaction
    found: SearchResult
    reader_may_open: bool

    @property
    def url(self) -> str:
        """The receipt, where the reader may open it."""
        return reverse("transactions:detail", args=[self.row.pk]) if self.reader_may_open else ""

    @property
    def way(self) -> str:
        """ "in", "out" or "own", to the accounts that were asked for, the reader or the bank."""
        row, ids = self.row, self.found.inside or self.found.scope.ids
        if self.found.scope.is_bank and not self.found.inside:
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
            both = from_ + ARROW + to if from_ and to else self._text("description")
            return both or escape(self.row.get_type_display())
        other = from_ if self.way == "in" else to
        if self.found.scope.is_bank and not self.found.inside:
            other = to if self.way == "in" else from_
        return other or self._text("description") or escape(self.row.get_type_display())

    def _side(self, side: str) -> SafeString:
        """A holder; one's own account by its name; a number's end where names are hidden."""
        account: Account | None = getattr(self.row, f"{side}_account")
        if account is None:
            return mark_safe("")
        if not self.found.scope.names:
            return escape(f"Account ··{account.number[-4:]}")
        is_mine = not self.found.scope.is_bank and account.pk in self.found.scope.ids
        if is_mine:
            return self._said(f"said_{side}_account", account.name)
        return self._said(f"said_{side}", account.user.name)

    def _said(self, marked: str, stored: str) -> SafeString:
        return shown(getattr(self.row, marked, None) or plain(stored))

    def _text(self, name: str) -> SafeString:
        """What people wrote, which may name anybody: for readers who may know names."""
        if not self.found.scope.names:
            return mark_safe("")
        return self._said(f"said_{name}", getattr(self.row, name))

    @property
    def account(self) -> str:
        """Which of the reader's own accounts it was."""
        if self.way == "own" or self.found.scope.is_bank:
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
            texts.append(escape(category_label(self.row.category)[:40]))
        return [text for text in texts if text]

    @property
    def _marked(self) -> list[tuple[str, str]]:
        """The lines of the metadata that have a mark in them."""
        said = getattr(self.row, "said_metadata", None)
        if not said or START not in said or not self.found.scope.names:
            return []
        return list(islice(marked_texts(json.loads(said)), LINES))

    @property
    def lines(self) -> SafeString:
        """Why it was found, where that is in its metadata: "Merchant city: Porto"."""
        lines = ((plain(label)[:AROUND], shown(said)) for label, said in self._marked)
        return format_html_join(" · ", "{}: {}", lines)

    @property
    def note(self) -> SafeString:
        """The line of the reader's note, where that is why it was found or was asked for."""
        said = getattr(self.row, "said_note", None) or ""
        if START not in said and not self.found.query.notes:
            return mark_safe("")
        return shown(said.strip())

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


def has_side(row: Transaction, reader: Any) -> bool:
    """Whether a side of the row is the reader's."""
    return any(side and side.user_id == reader for side in (row.from_account, row.to_account))


def marked_texts(value: Any, label: str = "") -> Iterator[tuple[str, str]]:
    """The strings of marked metadata that have a mark: ("Merchant city", "Porto", marked)."""
    if isinstance(value, str) and START in value:
        yield label[:1].upper() + label[1:], value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from marked_texts(inner, f"{label} {key.replace('_', ' ').strip()}".strip())
    elif isinstance(value, list):
        for inner in value:
            yield from marked_texts(inner, label)
