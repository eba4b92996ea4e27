"""Sums payments by weekday and hour."""

from datetime import date
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from ledger.text.dates import end_of_day, start_of_day
from transactions.scope import Scope


def by_weekday_and_hour(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """Returns a queryset with the amount and the number of payments in each hour of the week.
    `direction` is "out" or "in". The highest amount comes first.

    `weekday` is 1 for Monday to 7 for Sunday, and `hour` is 0 to 23, both in the bank's time zone.
    Postgres converts each booking time (AT TIME ZONE) before EXTRACT, so in Berlin a payment at
    23:30 UTC belongs to the next day. An hour without payments has no row.
    """
    end = end_of_day(until)
    return (
        scope.flows(currency)
        .between(start_of_day(since), end)
        .directed(direction)
        .annotate(weekday=ExtractIsoWeekDay("created_at"), hour=ExtractHour("created_at"))
        .values("weekday", "hour")
        .annotate(payments=Count("*"), total=Sum("amount"))
        .order_by("-total", "weekday", "hour")
    )
