"""Writes the rows of a report to a file: see Note [Tables as files]."""

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
    compared_rows,
    earlier_params,
    is_compared,
    with_first_booking,
)
from transactions.reports.read_holders import ReadHolders
from transactions.reports.report import REPORT, Column, Report, ReportParameters, Row
from transactions.reports.runner import SECONDS

SPOOLED = 2 * 1024 * 1024
ROWS_PER_FETCH = 2000


def report_lines(
    report: Report,
    params: ReportParameters,
    kind: str,
    only: Collection[str] = (),
    within: tuple[str, str] = ("", ""),
) -> IO[str]:
    """Returns a file with all rows of the report. A file of more than SPOOLED bytes is on disk, and
    a smaller file is in memory.

    `only` contains the names of the included columns, and is empty for all columns. `within`
    contains a text before the rows and a text after the rows.

    The file is complete before the first byte is sent. So a query that times out does not cause a
    truncated file, and the read-only snapshot has ended before the request writes the log of reads.

    Raises: OperationalError if a query takes longer than SECONDS.
    """
    file, holders = read(REPORT, lambda: _written(report, params, kind, only, within))
    holders.record()
    file.seek(0)
    return file


def _written(
    report: Report,
    params: ReportParameters,
    kind: str,
    only: Collection[str],
    within: tuple[str, str],
) -> tuple[IO[str], ReadHolders]:
    """Writes the file. Returns the file and the ReadHolders with the people in the rows."""
    file = SpooledTemporaryFile(SPOOLED, "w+", encoding="utf-8", newline="")  # noqa: SIM115
    holders = ReadHolders(params)
    with ExitStack() as stack:
        stack.callback(file.close)
        with snapshot(seconds=SECONDS):
            every = columns_of(report, params)
            columns = [column for column in every if not only or column.name in only]
            cells = _cells(columns, _rows(report, params), params, holders)
            table = DataTable(report.slug, [column.name for column in columns], cells)
            before, after = within
            file.writelines(chain([before], lines_of(table, kind), [after]))
        stack.pop_all()  # the file stays open, and the response closes it
    return cast("IO[str]", file), holders


def _rows(report: Report, params: ReportParameters) -> Iterable[Row]:
    """Returns all rows. Uses a server-side cursor for a queryset, unless the report is compared."""
    found = report.rows(params)
    if is_compared(report, params):
        then = report.rows(earlier_params(params))
        return compared_rows(report, with_first_booking(params), found, then)
    stream = getattr(found, "iterator", None)
    return stream(chunk_size=ROWS_PER_FETCH) if stream else found


def _cells(
    columns: Iterable[Column], rows: Iterable[Row], params: ReportParameters, holders: ReadHolders
) -> Iterator[list[Any]]:
    for row in rows:
        yield [_cell(column, row, params) for column in columns]
        holders.add_row(row)


def _cell(column: Column, row: Row, params: ReportParameters) -> Any:
    """Returns the value of a cell for a file. A number that starts with a minus is marked as a
    number, because a spreadsheet may read other texts with a minus as a formula.
    """
    value = column.plain(row, params)
    return FigureText(value) if isinstance(value, str) and value and column.is_number else value
