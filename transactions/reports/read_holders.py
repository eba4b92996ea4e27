"""Adds the people whose money is in a report to the log of reads, see Note [Whose data].

Reports read sums and single values, and do not load model instances of people or accounts. So the
models cannot add these people to the log.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from accounts.models import Account
from accounts.shown import add, add_accounts, add_unnamed
from transactions.models import Transaction
from transactions.reports.report import ReportParameters, Row
from transactions.reports.runner import Run

# Maximum number of keys of each kind; the log stores at most 500 people for each page.
MAX_KEYS = 5_000
# The sums of a currency with at least this many holders do not reveal data of a single person.
MIN_HOLDERS = 3


class ReadHolders:
    """A collection of the people, accounts and payments in the rows of a report. `record` looks up
    the holders and adds them to the log of reads.

    A row contains a person as `holder`, accounts as `account_key` (numbers or ids), and a payment
    as `transaction_id`. If a currency has fewer than MIN_HOLDERS holders, all its holders are
    recorded. Nothing is collected for a report on the reader's own money.
    """

    def __init__(self, params: ReportParameters) -> None:
        self.is_bank = params.scope.is_bank
        self.keys: set[str] = set()
        self.movements: set[UUID] = set()
        self.currency = params.currency
        if self.is_bank and (number := params.values.get("number")):
            # The rows of a report on one account do not contain the account number.
            self.keys.add(number)

    def add_row(self, row: Row) -> None:
        """Collects the people, accounts and payments in a row."""
        if not self.is_bank:
            return
        add(row.get("holder"))
        found = row.get("account_key") or ()
        if len(self.keys) < MAX_KEYS:
            self.keys.update([found] if isinstance(found, str) else found)
        if "transaction_id" in row and len(self.movements) < MAX_KEYS:
            self.movements.add(row["transaction_id"])

    def record(self) -> None:
        """Adds the holders to the log of reads. Call this method outside the report's snapshot,
        because the page shows the queries of the snapshot, and must not show the queries of this
        method.
        """
        if not self.is_bank:
            return
        # A sum may contain data of only one person, for example the sum of one day or one category.
        add_unnamed()
        if self.currency:
            holders = Account.objects.filter(currency=self.currency).values_list("user_id")
            few = list(holders.order_by("user_id").distinct()[:MIN_HOLDERS])
            for (person,) in few if len(few) < MIN_HOLDERS else ():
                add(person)
        if self.keys:
            ids = [key for key in self.keys if "-" in key]
            of_keys = Account.objects.filter(Q(number__in=self.keys) | Q(pk__in=ids))
            for person in of_keys.values_list("user_id", flat=True).distinct():
                add(person)
        if self.movements:
            moved = Transaction.objects.filter(pk__in=self.movements)
            for sides in moved.values_list("from_account_id", "to_account_id"):
                add_accounts(*sides)


def record_holders(run: Run) -> None:
    """Records the people in the rows of the page and in the bars of its chart."""
    holders = ReadHolders(run.params)
    labels = {mark.label for mark in getattr(run.chart, "marks", ())} if run.rows else set()
    _add_rows(holders, run.shown)
    _add_rows(holders, (row for row in run.rows if row.get("who", row.get("person")) in labels))
    holders.record()


def _add_rows(holders: ReadHolders, rows: Iterable[Row]) -> None:
    for row in rows:
        holders.add_row(row)
