"""Writes the results of a search to a file, see Note [Tables as files].

The file contains the same data as the rows of the page. For readers who may not see names, the file
contains neither names nor texts that people wrote.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from accounts.models import Account
from ledger.db.replicas import ReadPurpose, read
from ledger.web.table_files import DataTable, figure_cell
from transactions.models import Transaction
from transactions.scope import Scope
from transactions.search.batches import ROWS_PER_BATCH, FoundRows
from transactions.search.page.hits import direction_of, last_digits, signed_amount

COLUMNS = (
    "created_at value_date from to direction amount currency type status description reference "
    "category refund_of transaction"
).split()


def results_table(found: FoundRows, purpose: ReadPurpose) -> DataTable:
    """Returns all found rows as a table. Each batch of rows is read from a replica if possible."""
    return DataTable("search", COLUMNS, _rows(found, purpose))


def _rows(found: FoundRows, purpose: ReadPurpose) -> Iterator[list[Any]]:
    last: Transaction | None = None
    while batch := read(purpose, partial(found.batch_after, last)):
        for row in batch:
            yield _cells(row, found)
        if len(batch) < ROWS_PER_BATCH:
            return
        last = batch[-1]


def _cells(row: Transaction, found: FoundRows) -> list[Any]:
    scope = found.scope
    direction = direction_of(row, scope, found.named_accounts)
    return [
        row.created_at,
        row.value_date,
        side_name(row.from_account, scope),
        side_name(row.to_account, scope),
        direction,
        figure_cell(signed_amount(row.amount, direction), row.currency),
        row.currency,
        row.type,
        row.status,
        row.description if scope.shows_names else None,
        row.reference if scope.shows_names else None,
        row.shown_category or None,
        row.reverses_id,
        row.pk,
    ]


def side_name(account: Account | None, scope: Scope) -> str | None:
    """Returns the payer or payee as the search page shows it: the name of the account or of its
    holder, or the last digits of the number if the reader may not see names. Returns None for a
    payer or payee outside the bank.
    """
    if account is None:
        return None
    if not scope.shows_names:
        return last_digits(account)
    is_own = not scope.is_bank and account.user_id == scope.reader.pk
    return account.name if is_own else account.user.name
