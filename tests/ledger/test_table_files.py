"""A table as CSV and JSON: the same columns, exact amounts, no formula, times as in RFC 3339."""

import csv
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest

from ledger.web.table_files import (
    CSV,
    JSON,
    LINES_PER_PART,
    DataTable,
    FigureText,
    figure_cell,
    lines_of,
    refused,
    table_response,
)

ID = uuid.UUID(int=7)
MOMENT = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)


def table(*rows: Sequence[Any]) -> DataTable:
    return DataTable("some", [f"c{n}" for n in range(len(rows[0]) if rows else 1)], rows)


def text(found: DataTable, kind: str) -> str:
    return "".join(lines_of(found, kind))


@pytest.mark.parametrize(
    ("cell", "in_csv", "in_json"),
    [
        (FigureText("-12.50"), "-12.50", "-12.50"),
        ("-x", "'-x", "-x"),
        ("=1+1", "'=1+1", "=1+1"),
        ("", "", ""),
        (None, "", None),
        (3, "3", 3),
        (date(2026, 3, 10), "2026-03-10", "2026-03-10"),
        (time(9, 5, 1, 77), "09:05:01", "09:05:01"),
        (ID, str(ID), str(ID)),
        ('a "quote",\n\u2028 é \U0001f600', 'a "quote",\n\u2028 é \U0001f600',
         'a "quote",\n\u2028 é \U0001f600'),
    ],
)  # fmt: skip
def test_a_cell_in_both_files(cell: Any, in_csv: str, in_json: Any) -> None:
    found = table([cell])
    ((_head,), (read,)) = csv.reader(StringIO(text(found, CSV), newline=""))
    assert read == in_csv
    assert json.loads(text(found, JSON)) == [{"c0": in_json}]


def test_times_have_an_offset_and_all_their_digits() -> None:
    (row,) = json.loads(text(table([MOMENT]), JSON))
    assert datetime.fromisoformat(row["c0"]) == MOMENT
    assert datetime.fromisoformat(row["c0"]).utcoffset() is not None


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [("5", "USD", "5.00"), ("5", "JPY", "5"), ("-1.2", "KWD", "-1.200"), ("0", "EUR", "0.00")],
)
def test_an_amount_has_the_decimals_of_its_currency(
    amount: str, currency: str, expected: str
) -> None:
    assert figure_cell(Decimal(amount), currency) == expected
    assert figure_cell(None, currency) is None


@pytest.mark.parametrize("count", [0, 1, 2, LINES_PER_PART, LINES_PER_PART * 2 + 1])
def test_json_is_one_array_with_a_row_on_each_line(count: int) -> None:
    body = text(DataTable("some", ["n"], [[n] for n in range(count)]), JSON)
    assert [row["n"] for row in json.loads(body)] == list(range(count))
    assert len([line for line in body.splitlines() if '"n"' in line]) == count


def test_rows_are_read_while_they_are_sent() -> None:
    read = []

    def rows() -> Any:
        for number in range(LINES_PER_PART * 3):
            read.append(number)
            yield [number]

    parts = iter(table_response(DataTable("some", ["n"], rows()), JSON))
    next(parts)
    assert len(read) == LINES_PER_PART
    assert len(list(parts)) == 3  # the bracket is a line of the last one
    assert len(read) == LINES_PER_PART * 3


def test_a_file_that_was_cut_off_is_no_json() -> None:
    def rows() -> Any:
        yield [1]
        raise ConnectionError

    written: list[str] = []
    with pytest.raises(ConnectionError):
        written += lines_of(DataTable("some", ["n"], rows()), JSON)
    with pytest.raises(json.JSONDecodeError):
        json.loads("".join(written) or "[")


@pytest.mark.parametrize(("kind", "content_type"), [(CSV, "text/csv"), (JSON, "application/json")])
def test_a_file_is_a_download_with_its_name(kind: str, content_type: str) -> None:
    response = table_response(table(), kind)
    assert response.headers["Content-Type"].startswith(content_type)
    assert response.headers["Content-Disposition"] == f'attachment; filename="some.{kind}"'


def test_a_refusal_is_a_sentence_in_the_format_of_the_file() -> None:
    in_text, in_json = refused("No.", CSV), refused("No.", JSON, status=503)
    assert (in_text.status_code, in_text.content) == (400, b"No.")
    assert in_json.headers["Content-Type"] == "application/problem+json"
    assert json.loads(in_json.content) == {"status": 503, "detail": "No."}
