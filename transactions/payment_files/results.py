"""The result of each line as CSV, streamed."""

import csv
from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

from accounts.shown import add_accounts
from ledger.text.csv_cells import Echo, guarded
from ledger.text.currencies import decimals_of, minor_units
from transactions.models import PaymentFile, PaymentLine
from transactions.payment_files.storage import PART

MOST_TOLD = 5_000  # accounts; the log itself keeps 500 people of a page
HEAD = "line to name amount currency description reference result why note transaction".split()


def result_lines(file: PaymentFile) -> Iterator[str]:
    """CSV lines in the order of the file, with a heading."""
    lines = PaymentLine.objects.of(file).in_order().iterator(chunk_size=PART)
    waiting = "not checked yet" if file.state == PaymentFile.State.STORED else "can be paid"
    return _written(file.currency, lines, waiting)


def result_response(file: PaymentFile) -> StreamingHttpResponse:
    """The lines of `result_lines` as a download."""
    return StreamingHttpResponse(
        result_lines(file),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{result_name(file)}"'},
    )


def tell_payees(file: PaymentFile) -> None:
    """Tells the log of reads whose accounts the lines of the file pay, see Note [Whose data]."""
    lines = PaymentLine.objects.of(file).exclude(to_account=None)
    add_accounts(*lines.values_list("to_account_id", flat=True).distinct()[:MOST_TOLD])


def result_name(file: PaymentFile) -> str:
    """The name of the uploaded file with "result" in it, safe for a header."""
    stem = file.name.rsplit(".", 1)[0]
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in stem)
    return f"{safe.strip('-')[:80] or 'payments'}-result.csv"


def _written(currency: str, lines: Iterable[PaymentLine], waiting: str) -> Iterator[str]:
    writer = csv.writer(Echo())
    yield writer.writerow(HEAD)
    for line in lines:
        yield writer.writerow(
            [
                line.number,
                guarded(line.typed_to),
                guarded(line.typed_name),
                _amount(line, currency),
                currency,
                guarded(line.description),
                guarded(line.reference),
                "paid" if line.booked else "refused" if line.verdict else waiting,
                guarded(line.verdict),
                guarded(" ".join(line.doubts)),
                line.pk if line.booked else "",
            ]
        )


def _amount(line: PaymentLine, currency: str) -> str:
    """The amount as plain digits, or the typed text if it is not an amount."""
    if line.amount is None:
        return guarded(line.typed_amount)
    return f"{line.amount:.{max(minor_units(currency), decimals_of(line.amount))}f}"
