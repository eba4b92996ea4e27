"""The parts of a report: its query, parameters and columns, and the texts of its page."""

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
# The scope of a report is determined earlier, from the primary database.
REPORT = ReadPurpose(
    "report", frozenset({"entries", "transactions", "accounts", "users", "own_categories"})
)
NUMBERS = ("money", "change", "count", "more", "percent", "growth", "score")
PAGE_ROWS = 200  # maximum number of rows on a page; files have all rows


@dataclass(frozen=True, slots=True)
class ReportParameters:
    """The scope of a report, the keyword arguments of its function, and the kind of the earlier
    period ("" without a comparison).

    `goes_back` is False if nothing was booked by the first day of the earlier period.
    """

    scope: Scope
    values: Mapping[str, Any]
    compare: str = ""
    goes_back: bool = True

    @property
    def currency(self) -> str:
        """The currency of the report's amounts, or "" if the report has no amounts."""
        return str(self.values.get("currency", ""))

    def search_page(self, query: str) -> str:
        """Returns the URL of the search for `query` in the scope and currency of the report.
        Returns "" if the query is too long, because the search would cut off the query and find
        other rows.
        """
        text = parse(query).adding(f"currency:{self.currency}") if self.currency else query
        if len(text) > LONGEST or len(parse(text).items) >= MOST_ITEMS:
            return ""
        return search_url(text, self.scope.kind)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a report: the key of its values in the rows, its heading, and the format of its
    values.

    `query`: returns the search query that finds the rows of a value, or "".
    `text`: returns the value as text for the page, if no `kind` has the right format.
    `file_text`: returns the value for a file. If `file_text` is None, files contain the result of
    `text` for columns of the kind "text", and otherwise the value in the row.
    """

    name: str
    label: str
    kind: str = "text"
    query: Callable[[Row, ReportParameters], str] | None = None
    text: Callable[[Row, ReportParameters], str] | None = None
    file_text: Callable[[Row, ReportParameters], str] | None = None

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers. Numbers are right-aligned."""
        return self.kind in NUMBERS

    def display(self, row: Row, params: ReportParameters) -> str:
        """Returns the value as text for the page, or an en dash if there is no value."""
        if self.text:
            return self.text(row, params) or NOTHING
        value = row.get(self.name)
        if value is None or value == "":
            return NOTHING
        return DISPLAY[self.kind](value, params.currency)

    def plain(self, row: Row, params: ReportParameters) -> Any:
        """Returns the value for a file, or None if there is no value. Numbers have a decimal point.
        Dates look like 2026-11-20.
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
        """Returns the URL of the search for the rows of the value, or "" if there is no search."""
        query = self.query(row, params) if self.query and row[self.name] else ""
        return params.search_page(query) if query else ""


def account_query(row: Row, _params: ReportParameters) -> str:
    """Returns the search query for the accounts in the `account_key` of a row. The query contains
    account numbers, or ids if the reader may not see account numbers.
    """
    accounts = [row["account_key"]] if isinstance(row["account_key"], str) else row["account_key"]
    return " or ".join(token("account", account) for account in accounts)


def _month(value: date, _currency: str) -> str:
    return month_name(value)


def _day(value: date, _currency: str) -> str:
    return long_date(value)


def rounded(value: Decimal, currency: str) -> Decimal:
    """Returns an average or a median, rounded half to even to the decimals of the currency. If
    `currency` is "", returns the value unchanged.
    """
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
    """Returns the first moment after the chosen period: midnight after its last day."""
    return end_of_day(params.values["until"])


def months_into(day: date, params: ReportParameters) -> int:
    """Returns the number of months from the first month of the period to the month of this day."""
    since: date = params.values["since"]
    return (day.year - since.year) * 12 + day.month - since.month


def month_here(number: int, params: ReportParameters) -> date:
    """Returns the first day of the month that is `number` months after the first month of the
    period.
    """
    since: date = params.values["since"]
    return months_before(since.replace(day=1), -number)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rules for comparing a report with an earlier period.

    `figures`: the columns that are compared.
    `key`: returns the value that a row and its earlier row have in common. The arguments are the
    row, the row's position and the parameters of the row's period.
    `adds_up`: whether the compared numbers are sums. For sums, a missing sum is zero, and rows that
    exist only in the earlier period are shown.
    `here`: returns values of the current period for a row that exists only in the earlier period,
    for example the month.
    `is_in_order`: whether the rows are sorted by their keys.
    `instead_of`: columns in which the report itself compares two periods. These columns are left
    out if the user chooses a comparison.
    """

    figures: tuple[str, ...]
    key: Callable[[Row, int, ReportParameters], Any]
    adds_up: bool = True
    here: Callable[[Any, ReportParameters], Mapping[str, Any]] | None = None
    is_in_order: bool = False
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A report and the content of its page.

    `function`: takes a `Scope` and the parameters of the form, and returns a queryset or a list of
    dicts.
    `question`: the question that the report answers.
    `shows`: the features of Postgres and of the ORM that the query uses. The query panel lists
    these features.
    `sketch`: the small picture in the list of reports: bars, columns, pairs, line or heat.
    `finding`: returns a sentence with the result.
    `basis`: returns a text about the data from which the result is computed.
    `footer`: returns the rows below the table, computed from all rows. Cells without a value are
    empty.
    `page_rows`: the maximum number of rows on the page. Files have all rows.
    `final_from`: returns the time after the last entry that the report reads. The rows of the
    report may be cached when the period until this time is sealed. For a report with names,
    `final_from` returns None.
    `comparison`: the rules for comparing rows with an earlier period, or None if the rows cannot be
    compared, for example because they are single payments.
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
    )  # classes and functions whose source code the page also shows
    bank_only: bool = False
    page_rows: int = PAGE_ROWS
    comparison: Comparison | None = None

    @property
    def compares_itself(self) -> bool:
        """Whether the report has columns that compare the period with the previous period."""
        return self.comparison is not None and bool(self.comparison.instead_of)

    @property
    def slug(self) -> str:
        """The name of the report in URLs, such as money-by-month."""
        return self.function.__name__.replace("_", "-")

    @property
    def url(self) -> str:
        """The URL of the report's page with the default parameters."""
        return reverse("transactions:report", args=[self.slug])

    def bind_form(self, data: Mapping[str, Any], reader: User) -> ReportForm:
        """Returns the form of the report with the parameters of a URL."""
        form = self.form(data, reader=reader, bank_only=self.bank_only)
        if self.comparison is None:
            form.fields.pop("compare", None)
        return form

    def rows(self, params: ReportParameters) -> Iterable[Row]:
        """Returns the rows of the report. A queryset sends its query only when the caller iterates
        it.
        """
        return self.function(params.scope, **params.values)
