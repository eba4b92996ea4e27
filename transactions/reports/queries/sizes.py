"""Counts payments by size, and computes percentiles by category."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, F, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.functions import Cast

from accounts.models import MoneyField
from ledger.text.dates import end_of_day, start_of_day
from transactions.annotations.categories import category_or_none
from transactions.reports.queries.aggregates import Mode, PercentileCont, PercentileDisc
from transactions.reports.queries.frames import OverGroups, SumOfSums
from transactions.scope import Scope

# The edges are 0.001, 0.002, 0.005, 0.01, and so on, up to the largest possible amount.
EDGES = [Decimal(step).scaleb(power) for power in range(-3, 15) for step in (1, 2, 5)]


class WidthBucket(Func):
    """The number of the bucket that contains a value. The edges must be ascending. Bucket n
    contains the values from edge n up to, but excluding, edge n + 1. The first edge has the number
    1.
    """

    function = "WIDTH_BUCKET"
    output_field = IntegerField()


def amount_distribution(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """Returns a queryset with the number of payments in each bucket of amounts. `direction` is
    "out" or "in". The smallest bucket comes first.

    The EDGES of the buckets are 1, 2 and 5 times each power of ten. `bucket` n contains amounts
    from edge n up to, but excluding, the next edge. A bucket without payments has no row. `share`
    is the number of payments in the bucket, divided by the number of all payments. `up_to` is the
    sum of `share` of this bucket and all smaller buckets.
    """
    end = end_of_day(until)
    edges = Value(EDGES, ArrayField(MoneyField()))
    return (
        scope.flows(currency)
        .between(start_of_day(since), end)
        .directed(direction)
        .annotate(bucket=WidthBucket("amount", edges))
        .values("bucket")
        .annotate(payments=Count("*"), total=Sum("amount"))
        .annotate(
            whole=OverGroups(SumOfSums("payments")),
            so_far=OverGroups(SumOfSums("payments"), order_by="bucket"),
        )
        .annotate(share=_part("payments", "whole"), up_to=_part("so_far", "whole"))
        .order_by("bucket")
    )


def _part(some: str, whole: str) -> Any:
    """Returns an expression for the quotient of two counts, as numeric. The quotient of two
    integers would be rounded down to zero.
    """
    return Cast(some, MoneyField()) / F(whole)


def amount_percentiles(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """Returns a queryset with percentiles of the payments of each category. The category with the
    most payments comes first.

    Half of the payments are at most `median`, 90 % are at most `p90`, and 99 % are at most `p99`.
    `usual` is the most frequent amount. All four values are ordered-set aggregates, and Postgres
    sorts each category only once. The median may be between two payments (percentile_cont). The
    other values are amounts of payments (percentile_disc, mode).
    """
    end = end_of_day(until)
    return (
        scope.flows(currency)
        .between(start_of_day(since), end)
        .directed(direction)
        .annotate(paid_for=category_or_none(scope.own_reader, "transaction_id"))
        .values("paid_for")
        .annotate(
            payments=Count("*"),
            median=Cast(PercentileCont("amount", 0.5), MoneyField()),
            p90=PercentileDisc("amount", 0.9),
            p99=PercentileDisc("amount", 0.99),
            usual=Mode("amount"),
        )
        .order_by("-payments", "paid_for")
    )
