"""Runs a report at one instant and records its queries, or returns cached rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.db.queries.work import QueryLog, watched
from ledger.db.replicas import read
from ledger.db.snapshot import snapshot
from ledger.text.literals import literal
from transactions.reports import cache
from transactions.reports.comparison import (
    columns_of,
    earlier_params,
    is_compared,
    rows_beside,
    sentences,
    with_first_booking,
)
from transactions.reports.report import REPORT, Column, Report, ReportParameters, Row

SECONDS = 10  # the longest a query of a report may take


@dataclass(frozen=True, slots=True)
class Cell:
    """A formatted value and the URL of the rows behind it."""

    column: Column
    text: str
    url: str


@dataclass(slots=True)
class Run:
    """The rows of one run and what the page shows of them. `cached` is None if the rows were read
    just now. `beside` has the rows with those of an earlier period, None without a comparison.
    """

    report: Report
    params: ReportParameters
    rows: Sequence[Row]
    work: QueryLog
    has_plans: bool
    cached: cache.CachedRows | None = None
    beside: Sequence[Row] | None = None

    @property
    def finding(self) -> str:
        return self.report.finding(self.rows, self.params)

    @property
    def basis(self) -> str:
        return self.report.basis(self.rows, self.params)

    @property
    def chart(self) -> Any:
        return self.report.chart(self.rows, self.params)

    @property
    def table(self) -> Iterator[list[Cell]]:
        """The formatted rows, up to the page's limit."""
        for row in self.shown:
            yield [
                Cell(column, column.display(row, self.params), column.url(row, self.params))
                for column in self.columns
            ]

    @property
    def columns(self) -> Sequence[Column]:
        return columns_of(self.report, self.params)

    @property
    def shown(self) -> Sequence[Row]:
        """The rows of the table, up to the page's limit."""
        return self._all[: self._most]

    @property
    def _all(self) -> Sequence[Row]:
        return self.rows if self.beside is None else self.beside

    @property
    def _most(self) -> int:
        """How many rows the page shows: fewer in a comparison, whose rows have more cells."""
        most = self.report.page_rows
        return most if self.beside is None else most // 2

    @property
    def comparison(self) -> str:
        """What is compared, and how both periods differ as a whole; "" without a comparison."""
        return " ".join(sentences(self.report, self.params, self.beside or ()))

    @property
    def footer(self) -> Iterator[list[Cell]]:
        """The formatted totals of all rows, including rows the page leaves out; "" for a column
        without a total.
        """
        for row in self.report.footer(self.rows, self.params):
            yield [
                Cell(column, column.display(row, self.params) if column.name in row else "", "")
                for column in self.columns
            ]

    @property
    def left_out(self) -> int:
        """How many rows are only in the files."""
        return max(0, len(self._all) - self._most)

    @property
    def in_shell(self) -> str:
        """Code for `manage.py shell` that returns the same rows."""
        values = "".join(f", {name}={literal(it)}" for name, it in self.params.values.items())
        reader = self.params.scope.reader.email
        return (
            "from datetime import date, datetime\n"
            "from decimal import Decimal\n\n"
            "from transactions import reports\n"
            "from transactions.scope import scope_for\n\n"
            f"scope = scope_for(User.objects.get(email={reader!r}), {self.params.scope.kind!r})\n"
            f"reports.{self.report.function.__name__}(scope{values})"
        )


def run(
    report: Report, params: ReportParameters, *, with_plans: bool = False, fresh: bool = False
) -> Run:
    """Runs the report and reads all rows in one snapshot; with their query plans if `with_plans`.

    Returns cached rows if every entry they depend on is sealed, unless `fresh` or `with_plans`.
    Raises OperationalError if a query takes longer than SECONDS.
    """
    compares = is_compared(report, params)
    entry = None if compares else cache.cache_entry(report, params)
    if entry and not (fresh or with_plans):
        cached = entry.get()
        if cached:
            asked = _with_own_comparison(report, params)
            return Run(report, asked, cached.rows, QueryLog(cached.queries), False, cached)

    def read_now() -> Run:
        with watched() as work, snapshot(seconds=SECONDS):
            rows, beside, asked = list(report.rows(params)), None, params
            if compares:
                asked, then = with_first_booking(params), report.rows(earlier_params(params))
                beside = rows_beside(report, asked, rows, then)
            if with_plans:
                work.explain()
        asked = asked if compares else _with_own_comparison(report, asked)
        return Run(report, asked, rows, work, with_plans, beside=beside)

    # What is cached is read on the writer: a row that a replica lacks would be missing for a week.
    found = read_now() if entry else read(REPORT, read_now)
    if entry:
        entry.store(found.rows, found.work)
    return found


def _with_own_comparison(report: Report, params: ReportParameters) -> ReportParameters:
    """The parameters with `goes_back`, for a report that compares periods by itself."""
    if not report.compares_itself:
        return params
    with snapshot(seconds=SECONDS):
        return with_first_booking(params)
