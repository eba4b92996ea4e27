"""Tables for downloads: the list of payment files, and the result of each line of a file. See Note
[Tables as files].
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from django.http import StreamingHttpResponse

from accounts.models.read import MAX_PEOPLE
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.storage import parts_of
from ledger.text.currencies import decimals_of, minor_units
from ledger.web.table_files import (
    CSV,
    DataTable,
    FigureText,
    csv_lines,
    figure_cell,
    table_response,
)

PART = MAX_PEOPLE // 2  # lines per read; the log of a read can list all their recipients
RESULT_COLUMNS = (
    "line to name amount currency description reference result why note transaction"
).split()
FILE_COLUMNS = (
    "created_at name from_account from_number state lines paid_lines refused_lines paid currency "
    "finished_at file"
).split()


def result_lines(file: PaymentFile) -> Iterator[str]:
    """Yields the lines of a CSV file with the results of a payment file. The first line is the
    heading. Each further line contains the result of one payment. The payments have the order of
    the uploaded file.
    """
    return csv_lines(result_table(file))


def result_table(file: PaymentFile) -> DataTable:
    """Returns a table with the result of each line of a payment file, in the order of the file."""
    lines = PaymentLine.objects.of(file).in_order().iterator(chunk_size=PART)
    in_parts = chain.from_iterable(parts_of(lines, PART))  # each part is logged as one read
    waiting = "not checked yet" if file.state == PaymentFile.State.STORED else "can be paid"
    rows = (_cells(line, file.currency, waiting) for line in in_parts)
    return DataTable(result_name(file), RESULT_COLUMNS, rows)


def result_response(file: PaymentFile, kind: str = CSV) -> StreamingHttpResponse:
    """Returns a download with the result of each line. `kind` is the file format."""
    return table_response(result_table(file), kind)


def files_table(files: Iterable[PaymentFile]) -> DataTable:
    """Returns a table of payment files, one per row. Each row includes the paying account."""
    return DataTable("payment-files", FILE_COLUMNS, map(_file_cells, files))


def result_name(file: PaymentFile) -> str:
    """Returns the file name of the results without extension: the name of the uploaded file and
    "-result". Contains only letters, digits, "-" and "_", so that the name is safe in a header.
    """
    stem = file.name.rsplit(".", 1)[0]
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem)
    return f"{safe.strip('-')[:80] or 'payments'}-result"


def _cells(line: PaymentLine, currency: str, waiting: str) -> list[Any]:
    return [
        line.number,
        line.typed_to,
        line.typed_name,
        _amount(line, currency),
        currency,
        line.description,
        line.reference,
        "paid" if line.booked else "refused" if line.verdict else waiting,
        line.verdict or None,
        " ".join(line.doubts) or None,
        line.pk if line.booked else None,
    ]


def _amount(line: PaymentLine, currency: str) -> str:
    """Returns the amount as plain digits, or the text in the file if the text is not an amount."""
    if line.amount is None:
        return line.typed_amount
    return FigureText(f"{line.amount:.{max(minor_units(currency), decimals_of(line.amount))}f}")


def _file_cells(file: PaymentFile) -> list[Any]:
    return [
        file.created_at,
        file.name,
        file.from_account.name,
        file.from_account.number,
        file.get_state_display(),
        file.line_count,
        file.booked_count,
        file.refused_count,
        figure_cell(file.booked_total, file.currency),
        file.currency,
        file.finished_at,
        file.pk,
    ]
