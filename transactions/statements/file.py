"""Writes an account statement to a file: see Note [Tables as files]."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.http import HttpResponseBase

from accounts.models import Account
from ledger.web.table_files import DataTable, table_response
from transactions.entry_files import ENTRY_COLUMNS, entry_cells
from transactions.models import Entry
from transactions.statements.page import Filters, entries_of, stream_entries, with_own_categories


def table_file(account: Account, filters: Filters, kind: str) -> HttpResponseBase:
    """Returns a CSV or JSON file of all entries that match the filters, oldest first."""
    rows = with_own_categories(entries_of(account, filters).for_files(), account)
    return table_response(statement_table(account, stream_entries(rows), filters), kind)


def statement_table(account: Account, entries: Iterable[Entry], filters: Filters) -> DataTable:
    """Returns a table of these entries. All entries must belong to `account`."""
    return DataTable(file_name(account, filters), ENTRY_COLUMNS, _rows(account, entries))


def file_name(account: Account, filters: Filters) -> str:
    """Returns a file name with the account number, the period, and words for the other filters."""
    parts = ["statement", account.number]
    parts += [day.isoformat() for day in (filters.start, filters.end) if day]
    parts += [word for word in (filters.direction, filters.text and "found") if word]
    return "-".join(parts)


def _rows(account: Account, entries: Iterable[Entry]) -> Iterator[list[Any]]:
    for entry in entries:
        entry.account = account
        yield entry_cells(entry)
