"""What a report consists of: its query, its parameters, its columns, and the texts of its page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.urls import reverse

from accounts.models import User
from ledger.charts.geometry import Chart
from ledger.db.replicas import ReadPurpose
from ledger.text.currencies import minor_units
from ledger.text.dates import end_of_day, long_date, month_name, months_before
from ledger.text.lines import visible
from ledger.text.money import NOTHING, figure, signed
from transactions.reports.forms import ReportForm
from transactions.scope import Scope
from transactions.search.address import search_url
from transactions.search.language.parser import LONGEST, MOST_ITEMS, parse
from transactions.search.language.terms import token

Row = Mapping[str, Any]
# Whose rows a report may read is decided before, on the writer.
REPORT = ReadPurpose(
    "report", frozenset({"entries", "transactions", "accounts", "users", "own_categories"})
)
NUMBERS = ("money", "change", "count", "more", "percent", "growth", "score")
PAGE_ROWS = 200  # rows on the page; files have all


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """The scope a report reads, the keyword arguments of its function, and which period to compare
    with, "" for none. `goes_back`: whether anything was booked by the first day of that period.
    """

    scope: Scope
    values: Mapping[str, Any]
    compare: str = ""
    goes_back: bool = True

    @property
    def currency(self) -> str:
        """The currency of the report's amounts; "" for a report without amounts."""
        return str(self.values.get("currency", ""))

    def search_page(self, query: str) -> str:
        """Returns the URL of the search page for `query` in the same scope and currency; "" if the
        query is too long for the search, which would cut it and find other rows.
        """
        text = parse(query).adding(f"currency:{self.currency}") if self.currency else query
        if len(text) > LONGEST or len(parse(text).items) >= MOST_ITEMS:
            return ""
        return search_url(text, self.scope.kind)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: the key of its values in the rows, its heading, and how to format its values.

    `query` returns the search query that finds the rows a value is computed from, "" if there is
    none. `text` formats a value that `kind` cannot; it is also used in files for text
    columns, unless `file_text` is given.
    """

    name: str
    label: str
    kind: str = "text"
    query: Callable[[Row, ReportParameters], str] | None = None
    text: Callable[[Row, ReportParameters], str] | None = None
    file_text: Callable[[Row, ReportParameters], str] | None = None

    @property
    def is_number(self) -> bool:
        """Whether its values are right-aligned."""
        return self.kind in NUMBERS

    def display(self, row: Row, params: ReportParameters) -> str:
        """Returns the value as shown on the page; an en dash if it has none."""
        if self.text:
            return self.text(row, params) or NOTHING
        value = row.get(self.name)
        if value is None or value == "":
            return NOTHING
        return DISPLAY[self.kind](value, params.currency)

    def plain(self, row: Row, params: ReportParameters) -> Any:
        """Returns the value for a file: figures with a decimal point, days as 2026-11-20; None if
        it has none.
        """
        if self.file_text:
            return self.file_text(row, params)
        if self.text and self.kind == "text":
            return self.text(row, params)
        value = row[self.name]
        if value is None:
            return None
        if isinstance(value, Decimal) and self.kind in ("money", "change") and params.currency:
            return f"{value:.{minor_units(params.currency)}f}"
        if self.kind in ("percent", "score", "growth"):
            return f"{value:.4f}"
        return value.isoformat() if hasattr(value, "isoformat") else value

    def url(self, row: Row, params: ReportParameters) -> str:
        """Returns the URL of the search that finds the rows behind the value; "" if it has none."""
        query = self.query(row, params) if self.query and row[self.name] else ""
        return params.search_page(query) if query else ""


def account_query(row: Row, _params: ReportParameters) -> str:
    """Returns the search query for a row's `account_key`: one account or several, by number, or by
    id for a reader who may not see numbers.
    """
    accounts = [row["account_key"]] if isinstance(row["account_key"], str) else row["account_key"]
    return " or ".join(token("account", account) for account in accounts)


def _month(value: date, _currency: str) -> str:
    return month_name(value)


def _day(value: date, _currency: str) -> str:
    return long_date(value)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Rounds an average or a median to the decimals of the currency, half to even."""
    return value.quantize(Decimal(1).scaleb(-minor_units(currency))) if currency else value


DISPLAY: Mapping[str, Callable[[Any, str], str]] = {
    "text": lambda value, _currency: visible(str(value)),
    "month": _month,
    "day": _day,
    "count": lambda value, _currency: f"{value:,}",
    "score": lambda value, _currency: f"{value:,.1f}".replace("-", "\N{MINUS SIGN}"),
    "more": lambda value, _currency: f"{value:+,}".replace("-", "\N{MINUS SIGN}"),
    "percent": lambda value, _currency: f"{Decimal(value) * 100:.1f} %",
    "growth": lambda value, _currency: f"{Decimal(value) * 100:+,.1f} %".replace(
        "-", "\N{MINUS SIGN}"
    ),
    "money": lambda value, currency: figure(rounded(Decimal(value), currency), currency),
    "change": lambda value, currency: signed(rounded(Decimal(value), currency), currency),
}


def after_period(params: ReportParameters) -> datetime:
    """Returns the first moment after the chosen period."""
    return end_of_day(params.values["until"])


def months_into(day: date, params: ReportParameters) -> int:
    """How many months a day lies after the month in which the period begins."""
    since: date = params.values["since"]
    return (day.year - since.year) * 12 + day.month - since.month


def month_here(number: int, params: ReportParameters) -> date:
    """The first day of the month that lies so many months into the period."""
    since: date = params.values["since"]
    return months_before(since.replace(day=1), -number)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a report is compared with an earlier period.

    `figures` names the compared columns. `key` returns what a row and its counterpart have in
    common, from the row, its place and the parameters of its period. With `adds_up`, the figures
    are sums: what is missing is zero, and rows that only the earlier period has are shown. `here`
    returns the values that such a row has in the period of now, such as its month. `is_in_order`:
    rows are in the order of their keys. `instead_of` names the columns in which the report itself
    compares periods: the chosen comparison is shown in their place.
    """

    figures: tuple[str, ...]
    key: Callable[[Row, int, ReportParameters], Any]
    adds_up: bool = True
    here: Callable[[Any, ReportParameters], Mapping[str, Any]] | None = None
    is_in_order: bool = False
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report and its page.

    `function` takes a `Scope` and the form's parameters, and returns rows: a queryset of dicts or a
    list of them. `question` is what the report answers. `shows` names the features of Postgres and
    the ORM it uses, for the query panel. `sketch` is the small picture in the list: bars, columns,
    pairs, line or heat. `finding` is the result in one sentence, `basis` what it is computed from.
    `footer` returns rows below the table, computed from all rows; a column without a value stays
    empty. `page_rows` is how many rows the page shows; files have all.

    `final_from` returns the moment after the last entry that the parameters read. Once that moment
    is sealed the result cannot change and may be cached. Only for reports without names.

    `comparison` says how its rows are compared with those of an earlier period; None if they cannot
    be, as single payments cannot.
    """

    function: Callable[..., Iterable[Row]]
    title: str
    question: str
    shows: str
    sketch: str
    columns: Sequence[Column]
    finding: Callable[[Sequence[Row], ReportParameters], str]
    basis: Callable[[Sequence[Row], ReportParameters], str]
    chart: Callable[[Sequence[Row], ReportParameters], Chart | None] = lambda _rows, _params: None
    footer: Callable[[Sequence[Row], ReportParameters], Sequence[Row]] = lambda _rows, _params: ()
    form: type[ReportForm] = ReportForm
    final_from: Callable[[ReportParameters], datetime | None] = lambda _params: None
    parts: tuple[Callable[..., Any], ...] = field(
        default=()
    )  # classes and functions shown with its source
    bank_only: bool = False
    page_rows: int = PAGE_ROWS
    comparison: Comparison | None = None

    @property
    def compares_itself(self) -> bool:
        """Whether its own columns compare the period with the one before."""
        return self.comparison is not None and bool(self.comparison.instead_of)

    @property
    def slug(self) -> str:
        """Its name in addresses: money-by-month."""
        return self.function.__name__.replace("_", "-")

    @property
    def url(self) -> str:
        """The address of the page, with the default of every parameter."""
        return reverse("transactions:report", args=[self.slug])

    def bind_form(self, data: Mapping[str, Any], reader: User) -> ReportForm:
        """Returns the form, bound to the parameters of a URL."""
        form = self.form(data, reader=reader, bank_only=self.bank_only)
        if self.comparison is None:
            form.fields.pop("compare", None)
        return form

    def rows(self, params: ReportParameters) -> Iterable[Row]:
        """Returns the rows; a queryset runs its query when they are read."""
        return self.function(params.scope, **params.values)
