"""How large payments are: their distribution, and what is usual for each category."""

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, F, Func, IntegerField, QuerySet, Sum, Value
from django.db.models.functions import Cast

from accounts.models import MoneyField
from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.aggregates import Mode, PercentileCont, PercentileDisc
from transactions.reports.queries.categories import CATEGORY
from transactions.reports.queries.frames import OverGroups, SumOfSums
from transactions.scope import Scope

# 0.001, 0.002, 0.005, 0.01, ... up to the largest amount that the books hold.
EDGES = [Decimal(step).scaleb(power) for power in range(-3, 15) for step in (1, 2, 5)]


class WidthBucket(Func):
    """Between which two of some ordered edges a value lies: n for [edge n, edge n + 1)."""

    function = "WIDTH_BUCKET"
    output_field = IntegerField()


def amount_distribution(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """How many payments went "out" (or came "in") of each size, the smallest first.

    Sizes are those of `EDGES`: each power of ten in three steps that look equally wide on a
    scale of ratios. `bucket` n holds amounts from the n-th edge on and below the next; one
    without a payment has no row. `share` is of their number, `up_to` of this and all smaller.
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
    """A quotient of counts as a numeric: whole numbers would be divided down to zero."""
    return Cast(some, MoneyField()) / F(whole)


def amount_percentiles(
    scope: Scope, *, currency: str, since: date, until: date, direction: str = "out"
) -> QuerySet[Any, Any]:
    """What payments of each category usually come to; the category of the most payments first.

    Half of them are at most `median`, nine in ten at most `p90`, all but one in a hundred at
    most `p99`; `usual` is the amount paid most often. All four are ordered-set aggregates over
    one sorting of each category. The median lies between two payments if need be
    (percentile_cont); the others are amounts really paid (percentile_disc).
    """
    end = end_of_day(until)
    return (
        scope.flows(currency)
        .between(start_of_day(since), end)
        .directed(direction)
        .annotate(paid_for=CATEGORY)
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
