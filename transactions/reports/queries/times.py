"""When money moves."""

from datetime import date
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay

from ledger.text.dates import end_of_day, start_of_day
from transactions.scope import Scope


def by_weekday_and_hour(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """How much went "out" (or came "in") in each hour of the week, in how many payments; the
    hour of the most first.

    `weekday` is 1 for Monday to 7 for Sunday, `hour` the one that begins then, 0 to 23, both by
    the bank's clock: Postgres turns each booking time to its time zone (AT TIME ZONE) before it
    is taken apart, so a payment of 23:30 UTC is of the next day in Berlin. An hour without a
    payment has no row.
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
