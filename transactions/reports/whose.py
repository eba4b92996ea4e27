"""Tells the log of reads whose money a report shows, see Note [Whose data].

Reports read by aggregates and values, so no row of a person or account is loaded that could tell.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from accounts.models import Account
from accounts.shown import add, add_accounts, add_unnamed
from transactions.models import Transaction
from transactions.reports.report import ReportParameters, Row
from transactions.reports.runner import Run

MOST = 5_000  # keys of each kind; the log itself keeps 500 people of a page
FEWEST = 3  # holders of a currency, so that the sums of all of them are nobody's


class Whose:
    """Collects whose rows are shown; `tell` looks the people up and adds them.

    A row names its people by `holder`, its accounts by `account_key` (numbers or ids) and its
    movement by `transaction_id`. Sums of a currency with few holders are theirs. A report on one's
    own money shows nobody else's.
    """

    def __init__(self, params: ReportParameters) -> None:
        self.is_bank = params.scope.is_bank
        self.keys: set[str] = set()
        self.movements: set[UUID] = set()
        self.currency = params.currency
        if self.is_bank and (number := params.values.get("number")):
            self.keys.add(number)  # a report on one account has rows that do not name it

    def see(self, row: Row) -> None:
        """Notes the people, accounts and movements of a row."""
        if not self.is_bank:
            return
        add(row.get("holder"))
        found = row.get("account_key") or ()
        if len(self.keys) < MOST:
            self.keys.update([found] if isinstance(found, str) else found)
        if "transaction_id" in row and len(self.movements) < MOST:
            self.movements.add(row["transaction_id"])

    def tell(self) -> None:
        """Adds the holders of what was seen. Outside the report's snapshot, whose queries the page
        shows.
        """
        if not self.is_bank:
            return
        add_unnamed()  # sums may be of one person: of a day, a category, or all but one
        if self.currency:
            holders = Account.objects.filter(currency=self.currency).values_list("user_id")
            few = list(holders.order_by("user_id").distinct()[:FEWEST])
            for (person,) in few if len(few) < FEWEST else ():
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


def tell_page(run: Run) -> None:
    """Tells whose money the page of a report shows: its rows, and the bars of its chart."""
    whose = Whose(run.params)
    labels = {mark.label for mark in getattr(run.chart, "marks", ())} if run.rows else set()
    _see(whose, run.shown)
    _see(whose, (row for row in run.rows if row.get("who", row.get("person")) in labels))
    whose.tell()


def _see(whose: Whose, rows: Iterable[Row]) -> None:
    for row in rows:
        whose.see(row)
