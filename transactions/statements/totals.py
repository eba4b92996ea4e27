"""Counts and sums the entries of a statement with a filter. Without a filter, nothing is counted,
because an account may have a million entries.

The limit is the limit of a search (`search.facets.COUNTED`). If more entries match, only the newest
entries are counted, and the page states this. Holds are neither counted nor summed, because they
are not entries.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, F, Q, Sum, Window
from django.db.models.functions import RowNumber

from accounts.models import Account
from ledger.text.lines import counted
from ledger.text.money import in_and_out
from transactions.models import Entry
from transactions.models.entry import EntryQuerySet
from transactions.search.facets import COUNTED


@dataclass(frozen=True, slots=True)
class StatementTotals:
    """The number of entries that match the filters, and their sums of money in and out.

    If `is_cut` is True, more entries match than the limit COUNTED, and only the newest entries are
    counted and summed. `change` is then the change of the balance from the start to the end of the
    period, including all entries, or None if there is a filter other than the period.
    """

    currency: str
    count: int
    money_in: Decimal
    money_out: Decimal
    is_cut: bool = False
    change: Decimal | None = None

    @property
    def sentence(self) -> str:
        """The number of entries as text."""
        if self.is_cut:
            return f"More than {COUNTED:,} entries"
        return counted(self.count, "entry", "entries")

    @property
    def sums(self) -> str:
        """The sums of money in and out as text."""
        return in_and_out(self.money_in, self.money_out, self.currency)

    @property
    def limit(self) -> int:
        """The maximum number of entries that are counted and summed."""
        return COUNTED


def totals_of(entries: EntryQuerySet, currency: str) -> StatementTotals:
    """Returns the number and the sums of the newest entries, at most COUNTED. Sends one query,
    which reads one more entry to find out whether there are more.
    """
    number = Window(RowNumber(), order_by=F("created_at").desc())
    newest = entries.newest_first().values("direction", "amount").annotate(number=number)
    is_counted = Q(number__lte=COUNTED)
    sums = newest[: COUNTED + 1].aggregate(
        count=Count("*"),
        money_in=Sum("amount", filter=is_counted & Q(direction="credit"), default=Decimal(0)),
        money_out=Sum("amount", filter=is_counted & Q(direction="debit"), default=Decimal(0)),
    )
    count = sums.pop("count")
    return StatementTotals(currency, min(count, COUNTED), **sums, is_cut=count > COUNTED)


def with_change(
    totals: StatementTotals, account: Account, start: datetime | None, end: datetime
) -> StatementTotals:
    """Returns the totals with the change of the balance from `start` until just before `end`. Sends
    at most two queries, which read one entry each.
    """
    opening = Entry.objects.balance_at(account, start) if start else None
    closing = Entry.objects.balance_at(account, end)
    return replace(totals, change=(closing or Decimal(0)) - (opening or Decimal(0)))
