"""A table of standing orders, for downloads. See Note [Tables as files]."""

from collections.abc import Iterable

from banking.standing_orders.reads import OrderLine
from ledger.web.table_files import DataTable, figure_cell

COLUMNS = [
    "recipient", "account_number", "from_account", "amount", "currency", "every", "next_on",
    "first_on", "last_on", "times_left", "status", "description", "reference",
]  # fmt: skip


def orders_table(lines: Iterable[OrderLine]) -> DataTable:
    """Returns a table of standing orders, with one row per order."""
    rows = (
        [
            line.who,
            line.order.to_account.number,
            line.order.from_account.number,
            figure_cell(line.order.amount, line.order.currency),
            line.order.currency,
            line.order.every,
            line.next_on,
            line.order.first_on,
            line.order.last_on,
            line.order.left,
            line.order.status,
            line.order.description,
            line.order.reference,
        ]
        for line in lines
    )
    return DataTable("standing-orders", COLUMNS, rows)
