"""Writes the sides of a receipt (sender and recipient) to a file: see Note [Tables as files]."""

from decimal import Decimal

from ledger.web.table_files import DataTable, figure_cell
from transactions.receipts.receipt import Receipt, Side

COLUMNS = (
    "side name account_number amount balance currency status value_date description reference "
    "category transaction created_at"
).split()


def sides_table(receipt: Receipt) -> DataTable:
    """Returns a table with a row for the sender and a row for the recipient, if they are inside the
    bank. The sender's amount is negative. Only the row of the reader's account has a balance, as on
    the page.
    """
    row = receipt.row
    rows = (
        [
            side.label.lower(),
            side.name,
            side.account.number,
            figure_cell(_signed(side, row.amount), row.currency),
            figure_cell(side.balance, row.currency),
            row.currency,
            row.status,
            row.value_date,
            row.description,
            row.reference,
            row.shown_category or None,
            row.pk,
            row.created_at,
        ]
        for side in receipt.sides
    )
    return DataTable(f"transaction-{row.pk}", COLUMNS, rows)


def _signed(side: Side, amount: Decimal) -> Decimal:
    return -amount if side.label == "From" else amount
