"""The rows of a result as a file: CSV or JSON."""

import csv
import io
import json
from contextlib import suppress

from django.http import HttpResponse

from explorer.running.run import QueryResult, ResultColumn
from ledger.text.csv_cells import guarded

FILE_ROWS = 50_000
# Created once, because json.loads and json.dumps with these arguments create new ones for each
# value.
DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
ENCODER = json.JSONEncoder(ensure_ascii=False)
TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def file_of(result: QueryResult, form: str) -> HttpResponse:
    """Returns the file; `form` is csv or json. The header `X-More-Rows` is "yes" if rows are
    missing.
    """
    text = as_csv(result) if form == "csv" else as_json(result)
    headers = {
        "Content-Disposition": f'attachment; filename="query.{form}"',
        "X-More-Rows": "yes" if result.has_more else "no",
    }
    return HttpResponse(text, content_type=TYPES[form], headers=headers)


def as_csv(result: QueryResult) -> str:
    """Returns the names of the columns and the rows. Texts cannot become formulas."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow([guarded(column.name) for column in result.columns])
    for row in result.rows:
        writer.writerow(map(_cell, row, result.columns))
    return file.getvalue()


def as_json(result: QueryResult) -> str:
    """Returns columns with their kinds, and rows as lists. Numbers are strings, so that no digits
    are lost.
    """
    columns = [{"name": column.name, "kind": column.kind} for column in result.columns]
    all_rows = ", ".join(
        f"[{', '.join(map(_json_of, row, result.columns))}]" for row in result.rows
    )
    names, more = ENCODER.encode(columns), json.dumps(result.has_more)
    return f'{{"columns": {names}, "rows": [{all_rows}], "has_more": {more}}}'


def _cell(value: str | None, column: ResultColumn) -> str:
    return guarded(value) if value and column.kind != "number" else value or ""


def _json_of(value: str | None, column: ResultColumn) -> str:
    """Returns a JSON value unchanged, because a few characters can be a number of a billion
    digits.
    """
    if value is None:
        return "null"
    if column.kind == "json":
        # It may be cut because of its length, or nested too deeply for Python.
        with suppress(ValueError, RecursionError):
            DECODER.decode(value)
            return value
    return ENCODER.encode(value)
