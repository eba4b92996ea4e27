"""The lines of a statement as a table, for CSV and JSON files. See Note [Tables as files]."""

from collections.abc import Iterator
from typing import Any

from banking.statement_files.document import StatementDocument
from ledger.web.table_files import DataTable, figure_cell

COLUMNS = (
    "date time value_date who account_number description reference amount balance currency"
    " transaction created_at"
).split()


def table(document: StatementDocument, name: str) -> DataTable:
    """Returns the lines of a statement as a table. `name` is the file name without extension."""
    return DataTable(name, COLUMNS, _rows(document))


def _rows(document: StatementDocument) -> Iterator[list[Any]]:
    currency = document.currency
    for line in document.lines:
        booked = line.booked_at
        yield [
            booked.date(), booked.time(), line.value_date, line.title, line.number or None,
            line.description, line.reference, figure_cell(line.amount, currency),
            figure_cell(line.balance, currency), currency, line.id,
            booked.isoformat(),
        ]  # fmt: skip
