"""Tables of outside accounts and their entries for downloads. See Note [Tables as files]."""

from collections.abc import Iterable

from banking.outside.models import OutsideAccount
from banking.outside.reads import all_entries
from ledger.web.table_files import DataTable, figure_cell


def accounts_table(accounts: Iterable[OutsideAccount]) -> DataTable:
    """Returns a table of outside accounts, with one row per account."""
    rows = (
        [account.name, figure_cell(account.balance, account.currency), account.currency]
        for account in accounts
    )
    return DataTable("outside-accounts", ["account", "balance", "currency"], rows)


def entries_table(account: OutsideAccount) -> DataTable:
    """Returns a table of all entries of the account, newest first."""
    columns = ["date", "other", "description", "reference", "amount", "balance", "currency", "id"]
    currency = account.currency
    rows = (
        [
            entry.booked_on, entry.other, entry.description, entry.reference,
            figure_cell(entry.amount, currency), figure_cell(balance, currency), currency,
            entry.outside_id,
        ]
        for entry, balance in all_entries(account)
    )  # fmt: skip
    return DataTable("outside-entries", columns, rows)
