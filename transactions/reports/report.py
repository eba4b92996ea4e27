"""What makes a report a page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from accounts.models import User
from ledger.charts.geometry import Chart
from ledger.text.currencies import minor_units
from ledger.text.dates import end_of_day
from ledger.text.money import figure, signed
from transactions.reports.forms import ReportForm
from transactions.scope import Scope
from transactions.search.address import search_url
from transactions.search.language.parser import LONGEST, MOST_ITEMS, parse
from transactions.search.language.terms import token

Row = Mapping[str, Any]
SHOWN = 200  # rows on the page; the file has all


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """What the reader asked of a report: whose rows, and the parameters of its function."""

    scope: Scope
    values: Mapping[str, Any]

    @property
    def currency(self) -> str:
        """The currency of the report's amounts; "" for a report without."""
        return str(self.values.get("currency", ""))

    def rows_behind(self, query: str) -> str:
        """The address of the search page for `query`, in the same scope and currency; "" for one
        too long to be read whole, which would lead to other rows."""
        said = parse(query).adding(f"currency:{self.currency}") if self.currency else query
        if len(said) > LONGEST or len(parse(said).items) >= MOST_ITEMS:
            return ""
        return search_url(said, self.scope.kind)  # without words in it, the newest come first


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report: the key of its rows, its heading, how its values are said.

    `behind` gives the query whose rows make up the value, "" where there is none; `words` says
    the value where its kind alone cannot, in the file too if it is text, unless `file_words` has
    another text for the file.
    """

    name: str
    label: str
    kind: str = "text"
    behind: Callable[[Row, ReportParameters], str] | None = None
    words: Callable[[Row, ReportParameters], str] | None = None
    file_words: Callable[[Row, ReportParameters], str] | None = None

    @property
    def is_number(self) -> bool:
        """Whether its values stand under each other by their decimals."""
        return self.kind in ("money", "change", "count", "percent", "number")

    def said(self, row: Row, asked: ReportParameters) -> str:
        """The value as people read it; an en dash where there is none."""
        if self.words:
            return self.words(row, asked) or "\N{EN DASH}"
        value = row.get(self.name)
        if value is None or value == "":
            return "\N{EN DASH}"
        return SAID[self.kind](value, asked.currency)

    def plain(self, row: Row, asked: ReportParameters) -> Any:
        """The value for a file: digits with a point, days as 2026-11-20."""
        if self.file_words:
            return self.file_words(row, asked)
        if self.words and self.kind == "text":
            return self.words(row, asked)
        value = row[self.name]
        if value is None:
            return ""
        if isinstance(value, Decimal) and self.kind in ("money", "change") and asked.currency:
            return f"{value:.{minor_units(asked.currency)}f}"
        if self.kind in ("percent", "number"):
            return f"{value:.4f}"
        return value.isoformat() if hasattr(value, "isoformat") else value

    def url(self, row: Row, asked: ReportParameters) -> str:
        """Where the rows behind the value are; "" where it has none."""
        query = self.behind(row, asked) if self.behind and row[self.name] else ""
        return asked.rows_behind(query) if query else ""


def behind_account(row: Row, _asked: ReportParameters) -> str:
    """The query for the rows of the account, or the accounts, that a row has in `shown`: by their
    numbers, or their ids for a reader who may not know those."""
    accounts = [row["shown"]] if isinstance(row["shown"], str) else row["shown"]
    return " or ".join(token("account", account) for account in accounts)


def _month(value: date, _currency: str) -> str:
    return f"{value:%B %Y}"


def _day(value: date, _currency: str) -> str:
    return f"{value.day} {value:%B %Y}"


def rounded(value: Decimal, currency: str) -> Decimal:
    """An average or a median to the currency's own decimals, half to even."""
    return value.quantize(Decimal(1).scaleb(-minor_units(currency))) if currency else value


SAID: Mapping[str, Callable[[Any, str], str]] = {
    "text": lambda value, _currency: str(value),
    "month": _month,
    "day": _day,
    "count": lambda value, _currency: f"{value:,}",
    "number": lambda value, _currency: f"{value:,.2f}",
    "percent": lambda value, _currency: f"{Decimal(value) * 100:.1f} %",
    "money": lambda value, currency: figure(rounded(Decimal(value), currency), currency),
    "change": lambda value, currency: signed(rounded(Decimal(value), currency), currency),
}


def after_period(asked: ReportParameters) -> datetime:
    """The moment after the last row of the period that is asked for."""
    return end_of_day(asked.values["until"])


@dataclass(frozen=True, slots=True)
class Report:
    """A report's page. `function` takes a `Scope` and what the form asks, and gives rows:
    a queryset of dicts, or a list of them.

    `question` is what it answers; `shows` which feature of Postgres and the ORM does it, for the
    panel of the query; `sketch` the small picture in the list: bars, columns, pairs, line or heat;
    `finding` the answer in one sentence; `basis` what it is computed from. `footer` gives rows
    below the table, made of all rows, with or without a value for each column.
    `shown` is how many rows the page has, for the file has all.

    `final_from` says of what is asked the moment after the last row that goes into it. Once that
    is sealed, the answer cannot change, and may be kept: only for a report without a name in it.
    """

    function: Callable[..., Iterable[Row]]
    title: str
    question: str
    shows: str
    sketch: str
    columns: Sequence[Column]
    finding: Callable[[Sequence[Row], ReportParameters], str]
    basis: Callable[[Sequence[Row], ReportParameters], str]
    chart: Callable[[Sequence[Row], ReportParameters], Chart | None] = lambda _rows, _asked: None
    footer: Callable[[Sequence[Row], ReportParameters], Sequence[Row]] = lambda _rows, _asked: ()
    form: type[ReportForm] = ReportForm
    final_from: Callable[[ReportParameters], datetime | None] = lambda _asked: None
    parts: tuple[Callable[..., Any], ...] = field(default=())  # what else its source needs shown
    bank_only: bool = False
    shown: int = SHOWN

    @property
    def slug(self) -> str:
        """Its name in addresses: money-by-month."""
        return self.function.__name__.replace("_", "-")

    @property
    def url(self) -> str:
        """The page with its default view."""
        return reverse("transactions:report", args=[self.slug])

    def asks(self, data: Mapping[str, Any], reader: User) -> ReportForm:
        """The form for what an address asks of it."""
        return self.form(data, reader=reader, bank_only=self.bank_only)

    def rows(self, asked: ReportParameters) -> Iterable[Row]:
        """Asks the database, at the latest when the rows are read."""
        return self.function(asked.scope, **asked.values)
