"""Sums money in and money out."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Case, DateField, F, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Lag, TruncMonth

from accounts.models import MoneyField
from ledger.text.dates import end_of_day, months_before, start_of_day
from transactions.reports.queries.frames import MonthBefore, Months, OverGroups, SumOfSums
from transactions.scope import Scope

ZERO = Value(Decimal(0), MoneyField())
AVERAGED = 3  # number of months in the average


def money_by_month(scope: Scope, *, currency: str, since: date, until: date) -> QuerySet[Any, Any]:
    """Returns a queryset with one row for each month that has entries, oldest first: money in,
    money out, and the difference `net`. Amounts are in `currency`.

    `change` is the net minus the net of the previous month (Lag), or None in the first month.
    `average` is the mean net of this month and the two months before, or None in the first two
    months. The RANGE frame of the average counts a month without a row as zero. Months are in the
    bank's time zone.
    """
    third = months_before(since.replace(day=1), 1 - AVERAGED)
    flows = scope.flows(currency).between(start_of_day(since), end_of_day(until))
    months = (
        flows.annotate(month=TruncMonth("created_at", output_field=DateField()))
        .values("month")
        .annotate(
            money_in=Sum("amount", filter=Q(direction="credit"), default=ZERO),
            money_out=Sum("amount", filter=Q(direction="debit"), default=ZERO),
            net=Sum("signed_amount"),
        )
    )
    return (
        months.annotate(
            earlier=OverGroups(Lag("month"), order_by="month"),
            earlier_net=OverGroups(Lag("net"), order_by="month"),
            total=OverGroups(SumOfSums("net"), order_by="month", frame=Months(AVERAGED)),
        )
        .annotate(
            change=Case(
                When(earlier=MonthBefore("month"), then=F("net") - F("earlier_net")),
                When(earlier__isnull=False, then=F("net")),
                output_field=MoneyField(),
            ),
            average=Case(
                When(month__gte=third, then=F("total") / AVERAGED),
                output_field=MoneyField(),
            ),
        )
        .order_by("month")
    )
