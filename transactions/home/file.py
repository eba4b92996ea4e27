"""The latest entries of the home page as a file, see Note [Tables as files]."""

from collections.abc import Sequence

from ledger.web.table_files import DataTable
from transactions.entry_files import ENTRY_COLUMNS, entry_cells
from transactions.models import Entry

COLUMNS = ["account", "account_number", *ENTRY_COLUMNS]


def latest_table(entries: Sequence[Entry]) -> DataTable:
    """Returns a table of entries of several accounts. Each row has the name and the number of its
    account.
    """
    rows = (
        [entry.account.name, entry.account.number, *entry_cells(entry)]
        for entry in entries
        if entry.account
    )
    return DataTable("latest", COLUMNS, rows)
