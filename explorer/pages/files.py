"""The rows of a result as a file: CSV, or JSON."""

import csv
import io
import json
from contextlib import suppress

from django.http import HttpResponse

from explorer.running.run import QueryResult, ResultColumn
from ledger.text.csv_cells import guarded

FILE_ROWS = 50_000
# Made once: json.loads and json.dumps make them anew for each value, because of these arguments.
DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
ENCODER = json.JSONEncoder(ensure_ascii=False)
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def file_of(result: QueryResult, form: str) -> HttpResponse:
    """The file; `form` is csv or json. The header `X-More-Rows` says whether rows are missing."""
    text = as_csv(result) if form == "csv" else as_json(result)
    headers = {
        "Content-Disposition": f'attachment; filename="query.{form}"',
        "X-More-Rows": "yes" if result.has_more else "no",
    }
    return HttpResponse(text, content_type=TYPES[form], headers=headers)


def as_csv(result: QueryResult) -> str:
    """The names of the columns and the rows; no text is a formula."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([guarded(column.name) for column in result.columns])
    for row in result.rows:
        writer.writerow(map(_cell, row, result.columns))
    return file.getvalue()


def as_json(result: QueryResult) -> str:
    """Columns with their kinds, and rows as lists. Figures are strings: no digit is lost."""
    columns = [{"name": column.name, "kind": column.kind} for column in result.columns]
    all_rows = ", ".join(
        f"[{', '.join(map(_json_of, row, result.columns))}]" for row in result.rows
    )
    names, more = ENCODER.encode(columns), json.dumps(result.has_more)
    return f'{{"columns": {names}, "rows": [{all_rows}], "has_more": {more}}}'


def _cell(value: str | None, column: ResultColumn) -> str:
    return guarded(value) if value and column.kind != "number" else value or ""


def _json_of(value: str | None, column: ResultColumn) -> str:
    """JSON as it came, because a few characters of it can be a number of a billion digits."""
    if value is None:
        return "null"
    if column.kind == "json":
        # It may be cut, because it was too long, or nested deeper than Python reads.
        with suppress(ValueError, RecursionError):
            DECODER.decode(value)
            return value
    return ENCODER.encode(value)
