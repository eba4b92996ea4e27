"""Runs a report in one snapshot and records its queries, or returns cached rows."""

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
    compared_rows,
    earlier_params,
    is_compared,
    sentences,
    with_first_booking,
)
from transactions.reports.report import REPORT, Column, Report, ReportParameters, Row

SECONDS = 10  # time limit for each query of a report


@dataclass(frozen=True, slots=True)
class Cell:
    """A formatted value, and the URL of the search for the rows of this value."""

    column: Column
    text: str
    url: str


@dataclass(slots=True)
class Run:
    """The result of a report, with the data for its page.

    `cached` is None if the rows do not come from the cache. `compared` contains the rows of both
    periods, or None without a comparison.
    """

    report: Report
    params: ReportParameters
    rows: Sequence[Row]
    work: QueryLog
    has_plans: bool
    cached: cache.CachedRows | None = None
    compared: Sequence[Row] | None = None

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
        """The formatted rows of the page."""
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
        """The rows that the page shows."""
        return self._all[: self._max_rows]

    @property
    def _all(self) -> Sequence[Row]:
        return self.rows if self.compared is None else self.compared

    @property
    def _max_rows(self) -> int:
        """The maximum number of rows on the page. With a comparison, the number is half as high,
        because each row has more cells.
        """
        limit = self.report.page_rows
        return limit if self.compared is None else limit // 2

    @property
    def comparison(self) -> str:
        """A text with the earlier period and the totals of both periods, or "" without a
        comparison.
        """
        return " ".join(sentences(self.report, self.params, self.compared or ()))

    @property
    def footer(self) -> Iterator[list[Cell]]:
        """The formatted totals of all rows, including rows that only the files contain. A column
        without a total has the cell "".
        """
        for row in self.report.footer(self.rows, self.params):
            yield [
                Cell(column, column.display(row, self.params) if column.name in row else "", "")
                for column in self.columns
            ]

    @property
    def left_out(self) -> int:
        """The number of rows that only the files contain."""
        return max(0, len(self._all) - self._max_rows)

    @property
    def in_shell(self) -> str:
        """Python code for `manage.py shell` that returns the same rows."""
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
    """Runs the report and reads all rows in one snapshot. With `with_plans`, also reads the query
    plans.

    If `fresh` and `with_plans` are both False, may return cached rows. Rows are cached only if all
    entries on which they depend are sealed.

    Raises: OperationalError if a query takes longer than SECONDS.
    """
    compares = is_compared(report, params)
    entry = None if compares else cache.cache_entry(report, params)
    if entry and not (fresh or with_plans):
        cached = entry.get()
        if cached:
            params = _with_own_comparison(report, params)
            return Run(report, params, cached.rows, QueryLog(cached.queries), False, cached)

    def read_now() -> Run:
        with watched() as work, snapshot(seconds=SECONDS):
            rows, compared, complete = list(report.rows(params)), None, params
            if compares:
                complete, then = with_first_booking(params), report.rows(earlier_params(params))
                compared = compared_rows(report, complete, rows, then)
            if with_plans:
                work.explain()
        if not compares:
            complete = _with_own_comparison(report, complete)
        return Run(report, complete, rows, work, with_plans, compared=compared)

    # Rows for the cache are read from the primary database. If a replica did not yet have a row,
    # the row would be missing in the cache for a week.
    found = read_now() if entry else read(REPORT, read_now)
    if entry:
        entry.store(found.rows, found.work)
    return found


def _with_own_comparison(report: Report, params: ReportParameters) -> ReportParameters:
    """Returns the parameters, with `goes_back` set if the report itself compares two periods. Sends
    a query only in this case.
    """
    if not report.compares_itself:
        return params
    with snapshot(seconds=SECONDS):
        return with_first_booking(params)
