"""One row of the search results, with highlighted words. Amounts and names are shown from the
reader's side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from accounts.models import Account
from ledger.text.dates import exact, iso, when
from ledger.text.lines import category_label
from ledger.text.money import signed
from transactions.entry_line import NOTHING, SEPARATOR, badges_of, receipt_url
from transactions.models import Transaction, reversal_word
from transactions.scope import Scope
from transactions.search.engine import SearchResult
from transactions.search.highlights import EXCERPT, MarkedText, escaped, marked_strings, shown
from transactions.synonyms.matches import labels_of

MOST_LINES = 3  # maximum number of metadata values shown for one row
NOTE = (
    '<div class="entry__detail no-print"><span class="visually-hidden">Your note: </span>'
    '<span class="free-text">{}</span></div>'
)
# The arrow has an aria-label. Visually hidden text would be visible at the end of a name that is
# cut off.
ARROW = mark_safe(' <span role="img" aria-label="to">→</span> ')


class HitLine(NamedTuple):
    """The values of one row of the results: see Note [One row as a format string]."""

    css: str
    title: SafeString
    badges: SafeString
    iso: str
    exact: str
    when: str
    second_line: SafeString
    note: SafeString
    amount_css: str
    amount: str
    currency: str


@dataclass(frozen=True)
class Hit:
    """One transaction among the results on the search page."""

    row: Transaction
    result: SearchResult
    reader_may_open: bool

    @property
    def url(self) -> str:
        """The URL of the receipt, or "" if the reader may not open the receipt."""
        return receipt_url(self.row.pk) if self.reader_may_open else ""

    @cached_property
    def direction(self) -> str:
        """ "in", "out" or "own": see `direction_of`."""
        return direction_of(self.row, self.result.scope, self.result.named_accounts)

    @property
    def amount(self) -> str:
        amount = signed(signed_amount(self.row.amount, self.direction), self.row.currency)
        return amount.lstrip("+") if self.direction == "own" else amount

    @property
    def css(self) -> str:
        if self.row.is_hold:
            return "amount--pending"
        return {"in": "amount--in", "out": "amount--out"}.get(self.direction, "")

    @property
    def line(self) -> HitLine:
        """The texts that the template of this row shows."""
        moment = timezone.localtime(self.row.created_at)
        return HitLine(
            css=" entry--pending" if self.row.is_hold else "",
            title=self._title(),
            badges=badges_of(self.badges),
            iso=iso(moment),
            exact=exact(moment),
            when=when(moment),
            second_line=self.second_line,
            note=format_html(NOTE, self.note) if self.note else NOTHING,
            amount_css=self.css,
            amount=self.amount,
            currency=self.row.currency,
        )

    def _title(self) -> SafeString:
        if self.url:
            return format_html('<a class="stretched" href="{}">{}</a>', self.url, self.headline)
        return format_html("<b>{}</b>", self.headline)

    @cached_property
    def headline(self) -> SafeString:
        """The HTML of the first line: the name of the other person, or both names. If there is no
        name, the headline is the description or the type.
        """
        from_, to = self._name("from"), self._name("to")
        if self.direction == "own":
            both = from_ + ARROW + to if from_ and to else self._text("description")
            return both or escaped(self.row.get_type_display())
        other = from_ if self.direction == "in" else to
        if self.result.scope.is_bank and not self.result.named_accounts:
            other = to if self.direction == "in" else from_
        return other or self._text("description") or escaped(self.row.get_type_display())

    def _name(self, side: str) -> SafeString:
        """Returns the HTML for one side of the payment: the holder's name, or the account's name if
        the account belongs to the reader. If the reader may not see names, returns the end of the
        number.
        """
        account: Account | None = getattr(self.row, f"{side}_account")
        if account is None:
            return NOTHING
        if not self.result.scope.shows_names:
            return escaped(last_digits(account))
        if not self.result.scope.is_bank and account.user_id == self.result.scope.reader.pk:
            return self._highlighted(f"marked_{side}_account", account.name)
        return self._highlighted(f"marked_{side}", account.user.name)

    def _highlighted(self, annotation: str, stored: str) -> SafeString:
        return MarkedText.of(stored, getattr(self.row, annotation, None)).html

    def _text(self, name: str) -> SafeString:
        """Returns the HTML of a text that people wrote, such as the description. Returns "" if the
        reader may not see names, because the text may contain names.
        """
        if not self.result.scope.shows_names:
            return NOTHING
        text: str = getattr(self.row, name)
        return self._highlighted(f"marked_{name}", text) if text else NOTHING

    @property
    def account(self) -> str:
        """The name of the reader's own account. It is "" for a transfer between own accounts. It is
        also "" in a search of the whole bank.
        """
        if self.direction == "own" or self.result.scope.is_bank:
            return ""
        own = self.row.to_account if self.direction == "in" else self.row.from_account
        return own.name if own else ""

    @property
    def details(self) -> list[SafeString]:
        """The texts below the headline: description, reference and category. A description that is
        already the headline is left out.
        """
        texts = [self._text("description"), self._text("reference")]
        if texts[0] == self.headline:
            texts = texts[1:]
        category = self.row.shown_category
        if category and not self._marked_metadata:
            texts.append(escaped(category_label(category)[:40]))
        return [text for text in texts if text]

    @property
    def second_line(self) -> SafeString:
        """The HTML of all texts in the second line. A separator is before each text."""
        texts = [escaped(self.account), *self.details, self.lines]
        return SafeString("".join(f"{SEPARATOR}{text}" for text in texts if text))

    @cached_property
    def _marked_metadata(self) -> list[tuple[str, SafeString]]:
        """The label and the HTML of the metadata values that match, at most MOST_LINES."""
        if not self.result.scope.shows_names:
            return []
        found = islice(marked_strings(self.row), MOST_LINES)
        return [(label_of(path), text.html) for path, text in found]

    @cached_property
    def lines(self) -> SafeString:
        """The HTML of the metadata values that match, such as "Merchant city: Porto"."""
        if not self._marked_metadata:
            return NOTHING
        lines = (f"{shown(label[:EXCERPT])}: {text}" for label, text in self._marked_metadata)
        return SafeString(SEPARATOR.join(lines))

    @property
    def note(self) -> SafeString:
        """The HTML of the reader's note. It is "" if the note has no match and the query does not
        search notes.
        """
        note = MarkedText.of(*(getattr(self.row, "marked_note", None) or ("", None)))
        return note.html if note.ranges or self.result.query.notes else NOTHING

    @property
    def badges(self) -> list[str]:
        """Labels that show whether the row is a refund or a hold, and the names of the synonyms
        through which the search found the row.
        """
        return [*self._kinds(), *labels_of(self.row)]

    def _kinds(self) -> list[str]:
        row = self.row
        if row.is_reversal:
            return [reversal_word(row.type)]
        if not row.is_hold:
            return []
        if row.is_pending:
            return ["held", *(["expired"] if row.is_expired else [])]
        return [{"captured": "hold, captured"}.get(row.status, "hold, released")]


def direction_of(row: Transaction, scope: Scope, named: Sequence[UUID]) -> str:
    """Returns the direction of the money: "in", "out", or "own" for money between own accounts. The
    direction is seen from the accounts in `named` if there are any, otherwise from the reader's
    accounts or from the bank.
    """
    if scope.is_bank and not named:
        return {"deposit": "in", "withdrawal": "out"}.get(row.type, "own")
    ids = named or scope.ids
    to, from_ = row.to_account_id in ids, row.from_account_id in ids
    return "own" if to and from_ else "in" if to else "out"


def signed_amount(amount: Decimal, direction: str) -> Decimal:
    """Returns the amount, which is negative for money out."""
    return -amount if direction == "out" else amount


def last_digits(account: Account) -> str:
    """Returns a label such as "Account ··4857", for readers who may not see names."""
    return f"Account ··{account.number[-4:]}"


def has_side(row: Transaction, reader: Any) -> bool:
    """Returns whether the payer's or the payee's account belongs to the user with the id
    `reader`.
    """
    return any(side and side.user_id == reader for side in (row.from_account, row.to_account))


def label_of(path: Sequence[str | int]) -> str:
    """Returns the label of a metadata key, such as "Merchant city"."""
    words = (key.replace("_", " ").strip() for key in path if isinstance(key, str))
    label = " ".join(word for word in words if word)
    return label[:1].upper() + label[1:]
