"""Reads all rows that a search finds, in batches by booking time, for downloaded files.

Each batch starts after the last row of the previous batch (keyset). So all batches take the same
time, no cursor or transaction stays open while the client reads slowly, and each batch may be read
from another server. If the oldest rows come first, later batches include rows that are booked
during the download.
"""

from dataclasses import dataclass
from uuid import UUID

from transactions.annotations.categories import own_category
from transactions.models import BOOKED_AT, Transaction
from transactions.models.transaction import TransactionQuerySet
from transactions.scope import Scope
from transactions.search.language.query import ParsedQuery
from transactions.search.parties import set_parties, with_party_columns
from transactions.search.places import RowPlace, is_beyond
from transactions.search.sql.compiler import ConditionCompiler
from transactions.search.sql.name_lookup import NameMatches
from transactions.search.sql.sides import TransactionSides

ROWS_PER_BATCH = 2_000
NOT_READ = ("from_balance", "to_balance", "metadata", "captures", "created_by")


@dataclass(frozen=True, slots=True)
class FoundRows:
    """All rows that a query finds in a scope.

    `named_accounts` has the same meaning as in `SearchResult`.
    """

    scope: Scope
    matched: TransactionQuerySet
    oldest_first: bool
    named_accounts: tuple[UUID, ...]

    def batch_after(self, last: Transaction | None) -> list[Transaction]:
        """Returns the batch of rows after the row `last`, or the first batch if `last` is None.
        Loads the rows with their accounts and people. Sends one query.
        """
        rows = self._ordered(self.matched.alias(booked_at=BOOKED_AT))
        if not self.scope.is_bank:
            rows = rows.annotate(own_category=own_category(self.scope.reader))
        if last is not None:
            place = RowPlace(last.created_at, last.pk)
            rows = rows.filter(is_beyond(self.scope, place, oldest_first=self.oldest_first))
        found = list(with_party_columns(rows).defer(*NOT_READ)[:ROWS_PER_BATCH])
        set_parties(found)
        return found

    def _ordered(self, rows: TransactionQuerySet) -> TransactionQuerySet:
        """Orders the rows by time. Uses an index for the bank. Needs no index for one reader, who
        has few rows.
        """
        time = "booked_at" if self.scope.is_bank else "created_at"
        sign = "" if self.oldest_first else "-"
        ordered: TransactionQuerySet = rows.order_by(f"{sign}{time}", f"{sign}pk")
        return ordered


def all_rows(
    scope: Scope, query: ParsedQuery, names: NameMatches, *, oldest_first: bool
) -> FoundRows:
    """Returns an object that reads every row that the search page would find. The query must not be
    empty. This function sends no query.
    """
    compiler = ConditionCompiler(TransactionSides(scope), names)
    matched = scope.transactions().filter(compiler.condition(query).where)
    return FoundRows(scope, matched, oldest_first, compiler.named_accounts(query))
