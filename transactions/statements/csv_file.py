"""A statement as CSV, streamed line by line."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.utils import timezone

from accounts.models import Account
from ledger.text.csv_cells import Echo, guarded
from ledger.text.currencies import minor_units
from transactions.models import Entry
from transactions.statements.page import Filters

HEAD = (
    "date time value_date who description reference category amount balance currency transaction"
).split()


def file_name(account: Account, filters: Filters) -> str:
    """Returns a file name with the account number, the period, and words for the other filters."""
    parts = ["statement", account.number]
    parts += [day.isoformat() for day in (filters.start, filters.end) if day]
    parts += [word for word in (filters.direction, filters.text and "found") if word]
    return "-".join(parts) + ".csv"


def statement_lines(account: Account, entries: Iterable[Entry]) -> Iterator[str]:
    """CSV lines with a heading. Amounts have a sign and plain digits."""
    writer = csv.writer(Echo())
    yield writer.writerow(HEAD)
    for entry in entries:
        entry.account = account
        yield writer.writerow(_cells(entry))


def _cells(entry: Entry) -> list[Any]:
    booked = timezone.localtime(entry.created_at)
    places = minor_units(entry.currency)
    return [
        booked.date().isoformat(),
        booked.time().isoformat("seconds"),
        entry.value_date.isoformat(),
        guarded(entry.headline),
        guarded(entry.description),
        guarded(entry.reference),
        guarded(entry.category),
        f"{entry.signed_amount:.{places}f}",
        f"{entry.balance:.{places}f}",
        entry.currency,
        entry.transaction_id,
    ]
