"""The sizes of payments: their distribution, and percentiles by category."""

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

# 0.001, 0.002, 0.005, 0.01, ... up to the largest possible amount.
EDGES = [Decimal(step).scaleb(power) for power in range(-3, 15) for step in (1, 2, 5)]


class WidthBucket(Func):
    """The bucket of a value between ascending edges. Bucket n, counted from 1, is [edge n, edge n +
    1).
    """

    function = "WIDTH_BUCKET"
    output_field = IntegerField()


def amount_distribution(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """Returns how many payments of each size went "out" or came "in", smallest first.

    Sizes are the buckets between `EDGES`: 1, 2 and 5 times each power of ten. `bucket` n contains
    amounts from edge n up to, but excluding, the next edge. A bucket without payments has no row.
    `share` is the bucket's part of all payments, `up_to` the part of this and all smaller buckets.
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
    """Returns the quotient of two counts as numeric, because integers would be rounded down to
    zero.
    """
    return Cast(some, MoneyField()) / F(whole)


def amount_percentiles(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """Returns percentiles of payments by category, the category with the most payments first.

    Half of the payments are at most `median`, 90 % at most `p90`, 99 % at most `p99`; `usual` is
    the most frequent amount. All four are ordered-set aggregates over one sort per category. The
    median may be between two payments (percentile_cont); the others are amounts of payments
    (percentile_disc, mode).
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
