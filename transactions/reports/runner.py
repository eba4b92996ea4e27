"""One run of a report: its rows at one instant, and the work they took; or those of a run before,
where they cannot have changed since."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.db.snapshot import snapshot
from ledger.db.work import QueryLog, watched
from ledger.text.literals import literal
from transactions.reports import cache
from transactions.reports.report import Column, Report, ReportParameters, Row

SECONDS = 10  # the longest a query of a report may take


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown, and where the rows behind it are."""

    column: Column
    text: str
    url: str


@dataclass(slots=True)
class Run:
    """What a page shows of a report. `kept` says since when the rows are kept, None for rows that
    were read just now."""

    report: Report
    asked: ReportParameters
    rows: Sequence[Row]
    work: QueryLog
    has_plans: bool
    kept: cache.Kept | None = None

    @property
    def finding(self) -> str:
        return self.report.finding(self.rows, self.asked)

    @property
    def basis(self) -> str:
        return self.report.basis(self.rows, self.asked)

    @property
    def chart(self) -> Any:
        return self.report.chart(self.rows, self.asked)

    @property
    def table(self) -> Iterator[list[Cell]]:
        """The rows as cells, as many as the page has room for."""
        for row in self.rows[: self.report.shown]:
            yield [
                Cell(column, column.said(row, self.asked), column.url(row, self.asked))
                for column in self.report.columns
            ]

    @property
    def footer(self) -> Iterator[list[Cell]]:
        """What all rows come to, those too that the page leaves out; "" where there is no sum."""
        for row in self.report.footer(self.rows, self.asked):
            yield [
                Cell(column, column.said(row, self.asked) if column.name in row else "", "")
                for column in self.report.columns
            ]

    @property
    def left_out(self) -> int:
        """How many rows are in the file alone."""
        return max(0, len(self.rows) - self.report.shown)

    @property
    def code(self) -> str:
        """The source of the function, and of what else it needs to be understood."""
        return "\n\n".join(
            inspect.getsource(part) for part in (self.report.function, *self.report.parts)
        )

    @property
    def in_shell(self) -> str:
        """What to paste into `manage.py shell` for the same rows."""
        values = "".join(f", {name}={literal(it)}" for name, it in self.asked.values.items())
        reader = self.asked.scope.reader.email
        return (
            "from datetime import date, datetime\n"
            "from decimal import Decimal\n\n"
            "from transactions import reports\n"
            "from transactions.scope import scope_for\n\n"
            f"scope = scope_for(User.objects.get(email={reader!r}), {self.asked.scope.kind!r})\n"
            f"reports.{self.report.function.__name__}(scope{values})"
        )


def run(
    report: Report, asked: ReportParameters, *, with_plans: bool = False, fresh: bool = False
) -> Run:
    """All rows at one instant, and each query's plan if it is wanted.

    Where all that goes into them is sealed, the rows may be those of an earlier run, unless a
    `fresh` one or plans are asked for. OperationalError where a query takes longer than SECONDS.
    """
    sealed = cache.place_of(report, asked)
    if sealed and not (fresh or with_plans):
        kept = sealed.get()
        if kept:
            return Run(report, asked, kept.rows, QueryLog(kept.queries), False, kept)
    with watched() as work, snapshot(seconds=SECONDS):
        rows = list(report.rows(asked))
        if with_plans:
            work.explain()
    if sealed:
        sealed.keep(rows, work)
    return Run(report, asked, rows, work, with_plans)
