"""One run of a report: its rows at one instant, and the work they took."""

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.db.snapshot import snapshot
from ledger.db.work import Work, watched
from transactions.report_pages.report import Asked, Column, Report, Row

SECONDS = 10  # the longest a query of a report may take


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as it is shown, and where the rows behind it are."""

    column: Column
    text: str
    url: str


@dataclass(slots=True)
class Run:
    """What a page shows of a report."""

    report: Report
    asked: Asked
    rows: Sequence[Row]
    work: Work
    has_plans: bool

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
        values = "".join(f", {name}={value!r}" for name, value in self.asked.values.items())
        values = values.replace("datetime.date(", "date(")
        reader = self.asked.reach.reader.email
        return (
            "from datetime import date\n"
            "from transactions import reports\n"
            "from transactions.reach import reach_of\n\n"
            f"reach = reach_of(User.objects.get(email={reader!r}), {self.asked.reach.whose!r})\n"
            f"reports.{self.report.function.__name__}(reach{values})"
        )


def run(report: Report, asked: Asked, *, with_plans: bool = False) -> Run:
    """All rows at one instant, and each query's plan if it is wanted.

    Raises OperationalError where a query takes longer than SECONDS.
    """
    with watched() as work, snapshot(seconds=SECONDS):
        rows = list(report.rows(asked))
        if with_plans:
            work.explain()
    return Run(report, asked, rows, work, with_plans)
