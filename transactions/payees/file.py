"""The list of payees as a file, see Note [Tables as files]."""

from collections.abc import Iterable

from ledger.web.table_files import DataTable, figure_cell
from transactions.payees.reads import PayeeLine

COLUMNS = [
    "name", "account_number", "currency", "holder", "note", "saved_at", "last_paid_at",
    "last_amount",
]  # fmt: skip


def payees_table(lines: Iterable[PayeeLine]) -> DataTable:
    """Returns a table with one row for each payee."""
    rows = (
        [
            line.payee.name,
            line.payee.account.number,
            line.payee.account.currency,
            line.holder,
            line.payee.note,
            line.payee.created_at,
            line.last.created_at if line.last else None,
            figure_cell(line.last.amount if line.last else None, line.payee.account.currency),
        ]
        for line in lines
    )
    return DataTable("payees", COLUMNS, rows)
