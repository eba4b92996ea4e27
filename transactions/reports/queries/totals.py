"""Computes running totals by month."""

from datetime import date
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import DateField, F, Min, QuerySet, RowRange, Sum
from django.db.models.functions import TruncMonth

from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.frames import Lowest, OverGroups, SumOfSums
from transactions.reports.queries.holders import (
    account_key,
    account_label_sql,
    masked_number,
    named,
)
from transactions.scope import Scope


def running_total(scope: Scope, *, currency: str, since: date, until: date) -> QuerySet[Any, Any]:
    """Returns a queryset with the `net` of each month and the running `total` since the first day.
    For the whole bank, each row is a month of a customer. For one customer, each row is a month of
    an account.

    `total` is a window over the months of one customer or account, from the first row to the
    current row (ROWS UNBOUNDED PRECEDING). The customer or account with the highest net of the
    whole period comes first. For the whole bank, transfers between a customer's own accounts cancel
    out.
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
        .values("holder", "who", "account_key", "month", "net", "total", "whole")
    )


def _who(scope: Scope) -> dict[str, Any]:
    """Returns two SQL expressions: `who`, the label of a customer or account, and `account_key`,
    the values with which a search finds the accounts.

    The label is the customer's lowest account number if the reader may not see names. So all months
    of a customer have the same label.
    """
    accounts = ArrayAgg(account_key(scope, "account__"), distinct=True)
    if not scope.is_bank:
        return {"who": account_label_sql(scope, "account__"), "account_key": accounts}
    if scope.shows_names:
        return {"who": named("account__user"), "account_key": accounts}
    lowest = OverGroups(Lowest(Min("account__number")), partition_by="holder")
    return {"who": masked_number(lowest), "account_key": accounts}
