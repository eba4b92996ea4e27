"""Writes the tables of pages to files with the same columns: CSV for spreadsheets, and JSON for
programs.

Note [Tables as files]: the JSON is one array with one object per row and one row per line, so that
programs can read it as a whole or line by line. Amounts are strings with all decimals of their
currency, and counts are numbers. Times have the format of RFC 3339 with the bank's offset. Missing
values are null. The first lines are read before the response begins, so that the status can be 503
during a database outage. The other lines are read while the response is sent. A JSON file without
its closing bracket is incomplete. An incomplete CSV file cannot be recognized.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils import timezone

from ledger.text.csv_cells import Echo, guarded
from ledger.text.currencies import minor_units

CSV, JSON = "csv", "json"
TYPES = {CSV: "text/csv; charset=utf-8", JSON: "application/json; charset=utf-8"}
REFUSALS = {CSV: "text/plain; charset=utf-8", JSON: "application/problem+json"}
LINES_PER_PART = 100  # lines in one part of the response


class FigureText(str):
    """A number as text. Unlike other texts, a FigureText may begin with a minus sign in a
    spreadsheet file.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class DataTable:
    """A table for a file: the file's name without extension, the columns, and the cells of each
    row.

    A cell is a text, a FigureText, a number, a date, a time, a datetime, an id or None.
    """

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


def paths_of_files(route: str, view: Callable[..., Any], name: str) -> list[URLPattern]:
    """Returns the URLs <route>.csv and <route>.json for a table, with the names <name>_csv and
    <name>_json.

    The view gets the keyword argument `kind`: "csv" or "json".
    """
    return [path(f"{route}.{kind}", view, {"kind": kind}, name=f"{name}_{kind}") for kind in TYPES]


def figure_cell(amount: Decimal | None, currency: str) -> FigureText | None:
    """Returns an amount as text with the decimals of its currency, or None if `amount` is None."""
    return None if amount is None else FigureText(f"{amount:.{minor_units(currency)}f}")


def table_response(table: DataTable, kind: str) -> StreamingHttpResponse:
    """Returns the table as a download in CSV or JSON. The rows are read while the response is
    sent.
    """
    return download(_in_parts(lines_of(table, kind)), table.name, kind)


def download(lines: Iterable[str], name: str, kind: str) -> StreamingHttpResponse:
    """Returns the lines of a file as a download. Reads the first line immediately, so that an error
    is raised before the response begins.
    """
    response = StreamingHttpResponse(
        # Passed here so that the response closes `lines`; it could not close the chain below.
        lines,
        content_type=TYPES[kind],
        headers={"Content-Disposition": f'attachment; filename="{name}.{kind}"'},
    )
    parts = iter(lines)
    response.streaming_content = chain(list(islice(parts, 1)), parts)
    return response


def refused(why: str, kind: str, *, status: int = 400) -> HttpResponse:
    """Returns a response with an error message in place of the file: plain text for CSV, and
    problem details (RFC 9457) for JSON.
    """
    body = why if kind == CSV else json.dumps({"status": status, "detail": why})
    return HttpResponse(body, status=status, content_type=REFUSALS[kind])


def lines_of(table: DataTable, kind: str) -> Iterator[str]:
    """Returns the lines of the file in CSV or JSON."""
    return csv_lines(table) if kind == CSV else json_lines(table)


def csv_lines(table: DataTable) -> Iterator[str]:
    """Yields the line with the column names and a line for each row. Texts are changed so that
    spreadsheets do not run them as formulas.
    """
    writer = csv.writer(Echo())
    yield writer.writerow(table.columns)
    for row in table.rows:
        yield writer.writerow([_csv_cell(cell) for cell in row])


def json_lines(table: DataTable) -> Iterator[str]:
    """Yields the lines of a JSON array. Each row is an object on a separate line."""
    before = "[\n"
    for row in table.rows:
        cells = dict(zip(table.columns, map(_plain, row), strict=True))
        yield f"{before}{json.dumps(cells, ensure_ascii=False)}"
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _csv_cell(cell: Any) -> Any:
    if isinstance(cell, str) and not isinstance(cell, FigureText):
        return guarded(cell)
    return "" if cell is None else _plain(cell)


def _plain(cell: Any) -> Any:
    """Returns dates, times and ids as text. Returns numbers, texts and None unchanged."""
    if isinstance(cell, datetime):
        return timezone.localtime(cell).isoformat()
    if isinstance(cell, time):
        return cell.isoformat("seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return cell if cell is None or isinstance(cell, str | int | float) else str(cell)


def _in_parts(lines: Iterator[str]) -> Iterator[str]:
    """Yields the same text in fewer, larger parts, because each part is sent separately."""
    while part := "".join(islice(lines, LINES_PER_PART)):
        yield part
