"""The columns of entries in files, see Note [Tables as files]."""

from typing import Any

from django.utils import timezone

from ledger.web.table_files import figure_cell
from transactions.models import Entry

ENTRY_COLUMNS = (
    "date time value_date who description reference category amount balance currency transaction "
    "created_at"
).split()


def entry_cells(entry: Entry) -> list[Any]:
    """Returns the cells of one entry, in the order of ENTRY_COLUMNS. The amount of a debit is
    negative.
    """
    booked = timezone.localtime(entry.created_at)
    return [
        booked.date(),
        booked.time(),
        entry.value_date,
        entry.headline,
        entry.description,
        entry.reference,
        entry.shown_category or None,
        figure_cell(entry.signed_amount, entry.currency),
        figure_cell(entry.balance, entry.currency),
        entry.currency,
        entry.transaction_id,
        booked,
    ]
