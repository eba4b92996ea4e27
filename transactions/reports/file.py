"""The rows of a report as a file, see Note [Tables as files]."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast

from ledger.db.replicas import read
from ledger.db.snapshot import snapshot
from ledger.web.table_files import DataTable, FigureText, lines_of
from transactions.reports.comparison import (
    columns_of,
    earlier_params,
    is_compared,
    rows_beside,
    with_first_booking,
)
from transactions.reports.report import REPORT, Column, Report, ReportParameters, Row
from transactions.reports.runner import SECONDS
from transactions.reports.whose import Whose

SPOOLED = 2 * 1024 * 1024
ROWS_AT_ONCE = 2000


def report_lines(
    report: Report,
    params: ReportParameters,
    kind: str,
    only: Collection[str] = (),
    within: tuple[str, str] = ("", ""),
) -> IO[str]:
    """The file, complete before anything is sent: in memory, on disk above SPOOLED bytes. Of the
    columns, `only` those if some are named; `within` stands before and after the rows.

    So a query that times out leaves no truncated file, and the snapshot, in which nothing can be
    written, is over when the request logs what was read. Raises OperationalError if a query takes
    longer than SECONDS.
    """
    file, whose = read(REPORT, lambda: _written(report, params, kind, only, within))
    whose.tell()
    file.seek(0)
    return file


def _written(
    report: Report,
    params: ReportParameters,
    kind: str,
    only: Collection[str],
    within: tuple[str, str],
) -> tuple[IO[str], Whose]:
    """The file, and whose rows it has."""
    file = SpooledTemporaryFile(SPOOLED, "w+", encoding="utf-8", newline="")  # noqa: SIM115
    whose = Whose(params)
    with ExitStack() as stack:
        stack.callback(file.close)
        with snapshot(seconds=SECONDS):
            every = columns_of(report, params)
            columns = [column for column in every if not only or column.name in only]
            cells = _cells(columns, _rows(report, params), params, whose)
            table = DataTable(report.slug, [column.name for column in columns], cells)
            before, after = within
            file.writelines(chain([before], lines_of(table, kind), [after]))
        stack.pop_all()  # nothing failed: the response closes it
    return cast("IO[str]", file), whose


def _rows(report: Report, params: ReportParameters) -> Iterable[Row]:
    """All rows; without a comparison through a server-side cursor."""
    found = report.rows(params)
    if is_compared(report, params):
        then = report.rows(earlier_params(params))
        return rows_beside(report, with_first_booking(params), found, then)
    stream = getattr(found, "iterator", None)
    return stream(chunk_size=ROWS_AT_ONCE) if stream else found


def _cells(
    columns: Iterable[Column], rows: Iterable[Row], params: ReportParameters, whose: Whose
) -> Iterator[list[Any]]:
    for row in rows:
        yield [_cell(column, row, params) for column in columns]
        whose.see(row)


def _cell(column: Column, row: Row, params: ReportParameters) -> Any:
    """A minus before a figure is not a formula; before text it may be one."""
    value = column.plain(row, params)
    return FigureText(value) if isinstance(value, str) and value and column.is_number else value
