"""Totals that run on from month to month."""

from datetime import date
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import DateField, F, Min, QuerySet, RowRange, Sum
from django.db.models.functions import TruncMonth

from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.frames import Lowest, OverGroups, SumOfSums
from transactions.reports.queries.holders import account_shown, found_by, masked, named
from transactions.scope import Scope


def running_total(scope: Scope, *, currency: str, since: date, until: date) -> QuerySet[Any, Any]:
    """What each person's money (bank), or each of one's own accounts (mine), gained or lost since
    the first day, month by month: `net` in the month, `total` up to its end.

    `total` is a window over the months of one holder, from the first row to the present one
    (ROWS UNBOUNDED PRECEDING). Who gained most in the whole period comes first. What a person
    moved between their own accounts cancels out; an account it does make richer or poorer.
    """
    holder = "account__user" if scope.is_bank else "account"
    months = (
        scope.entries()
        .filter(currency=currency)
        .between(start_of_day(since), end_of_day(until))
        .annotate(month=TruncMonth("created_at", output_field=DateField()), holder=F(holder))
        .values("holder", "month")
        .annotate(net=Sum("signed_amount"), **_who(scope))
    )
    return (
        months.annotate(
            total=OverGroups(
                SumOfSums("net"), partition_by="holder", order_by="month", frame=RowRange(None, 0)
            ),
            whole=OverGroups(SumOfSums("net"), partition_by="holder"),
        )
        .order_by(F("whole").desc(), "holder", "month")
        .values("holder", "who", "shown", "month", "net", "total", "whole")
    )


def _who(scope: Scope) -> dict[str, Any]:
    """How a holder is called, and by what the accounts that moved are searched for.

    Somebody without a name is called by the same account in every month: the lowest number.
    """
    shown = ArrayAgg(found_by(scope, "account__"), distinct=True)
    if not scope.is_bank:
        return {"who": account_shown(scope, "account__"), "shown": shown}
    if scope.shows_names:
        return {"who": named("account__user"), "shown": shown}
    lowest = OverGroups(Lowest(Min("account__number")), partition_by="holder")
    return {"who": masked(lowest), "shown": shown}
