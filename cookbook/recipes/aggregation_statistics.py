"""Recipes about aggregates of bits, conditions and pairs of numbers, and about GROUPING SETS."""

from typing import Any, Literal

from django.contrib.postgres.aggregates import (
    BitAnd,
    BitOr,
    BitXor,
    BoolAnd,
    BoolOr,
    Corr,
    CovarPop,
    RegrAvgX,
    RegrAvgY,
    RegrCount,
    RegrIntercept,
    RegrR2,
    RegrSlope,
    RegrSXX,
    RegrSXY,
    RegrSYY,
)
from django.db import connection
from django.db.models import Count, Q, QuerySet

from accounts.models import Account
from cookbook.models import Visit
from cookbook.recipes.aggregation import GROUP


@GROUP.recipe(
    "BitAnd: the flags that all rows have",
    asks="How do I find the bits that all rows of a group have in common?",
    shows=("BitAnd", "BitOr", "BitXor", "bit_and", "flags", "bit mask"),
    notice="methods is a sum of 1 (chip), 2 (contactless) and 4 (phone). BIT_AND keeps the bits "
    "that every row has, BIT_OR the bits that at least one row has, and BIT_XOR the bits that an "
    "odd number of rows have.",
    pitfall="Without rows the result is None, not 0. A bit has no name in the database and no "
    "index: for new tables, one BooleanField for each flag is easier to read.",
)
def methods_by_bit_and() -> QuerySet[Visit, Any]:
    """Returns the methods of every visit, of any visit and of an odd number, by country."""
    return (
        Visit.objects.values("country")
        .annotate(in_all=BitAnd("methods"), in_any=BitOr("methods"), odd=BitXor("methods"))
        .order_by("country")
    )


@GROUP.recipe(
    "BoolAnd: whether all rows meet a condition",
    asks="How do I check whether all rows of a group meet a condition?",
    shows=("BoolAnd", "BoolOr", "bool_and", "bool_or", "every"),
    notice="BoolAnd takes a BooleanField or a Q object. BOOL_AND is true if the condition is true "
    "in every row of the group, BOOL_OR if it is true in at least one row.",
    pitfall="Rows where the condition is NULL are skipped, and without rows the result is None: "
    "default=True makes it True. To find only whether such a row exists, use "
    "exists(), which stops at the first row.",
)
def currencies_by_bool_and() -> QuerySet[Account, Any]:
    """Returns, for each currency, whether all accounts are active and any is overdrawn."""
    return (
        Account.objects.values("currency")
        .annotate(
            accounts=Count("pk"),
            all_active=BoolAnd(Q(status="active")),
            any_overdrawn=BoolOr(Q(balance__lt=0)),
        )
        .order_by("currency")
    )


@GROUP.recipe(
    "Corr: the correlation of two columns",
    asks="How do I measure whether two columns are correlated?",
    shows=("Corr", "correlation", "CovarPop", "covariance", "statistics"),
    notice="Corr(y, x) is CORR(y, x), a number from -1 to 1: near 1 both columns grow together, "
    "near 0 there is no linear relation. CovarPop is COVAR_POP, the covariance, whose size depends "
    "on the units of the columns; sample=True makes it COVAR_SAMP. Rows where one of the two is "
    "NULL are skipped.",
    pitfall="Corr measures only a straight line: y = x * x around zero has a correlation near 0. "
    "The result is a float, also for DecimalField, and None if one column is constant.",
)
def seconds_and_amount_by_corr() -> QuerySet[Visit, Any]:
    """Returns the correlation of the seconds of a visit with its amount, by country."""
    return (
        Visit.objects.values("country")
        .annotate(
            visits=Count("pk"),
            correlation=Corr(y="seconds", x="amount"),
            covariance=CovarPop(y="seconds", x="amount"),
        )
        .order_by("country")
    )


@GROUP.recipe(
    "RegrSlope: the line through points",
    asks="How do I compute a linear regression in the database?",
    shows=(
        "RegrSlope",
        "RegrIntercept",
        "RegrR2",
        "RegrCount",
        "RegrAvgX",
        "RegrAvgY",
        "RegrSXX",
        "RegrSXY",
        "RegrSYY",
        "linear regression",
        "least squares",
        "trend",
    ),
    notice="RegrSlope is the slope of the line of least squares, RegrIntercept its value at x = 0: "
    "a visit takes about 25 seconds, and a quarter of a second more for each unit of the amount. "
    "RegrR2 is 1 if all points are on the line. RegrCount is the number of pairs without NULL, and "
    "RegrSXX and RegrSXY are sums of squares and products: the slope is RegrSXY / RegrSXX.",
    pitfall="y, the dependent column, comes first: RegrSlope(y, x). With the columns exchanged the "
    "line is another one: its slope is not 1 / slope. A date must become a number first.",
)
def seconds_by_regr_slope() -> dict[str, float]:
    """Returns the line through the seconds of all visits by their amount."""
    pair = {"y": "seconds", "x": "amount"}
    return Visit.objects.aggregate(
        slope=RegrSlope(**pair),
        intercept=RegrIntercept(**pair),
        r2=RegrR2(**pair),
        count=RegrCount(**pair),
        average_x=RegrAvgX(**pair),
        average_y=RegrAvgY(**pair),
        sxx=RegrSXX(**pair),
        sxy=RegrSXY(**pair),
        syy=RegrSYY(**pair),
    )


SUBTOTALS = """
    SELECT country, methods, grouping(country, methods) AS level,
        count(*) AS visits, sum(amount) AS total
    FROM visits WHERE country IN ('fi', 'no')
    GROUP BY {}
    ORDER BY country, methods
"""


@GROUP.recipe(
    "GROUPING SETS: totals of several groups",
    asks="How do I get subtotals and a grand total in one query?",
    shows=("GROUPING SETS", "ROLLUP", "CUBE", "subtotal", "grand total", "grouping()", "raw SQL"),
    notice="One query groups the rows by country and method, by country, and not at all. Django "
    "has no such GROUP BY, so the query is raw SQL. GROUPING SETS ((country, methods), (country), "
    "()) is the same as ROLLUP (country, methods). CUBE adds the subtotal of each method in all "
    "countries. grouping(country, methods) is 0 in a group, 1 in a subtotal of a country, 2 in a "
    "subtotal of a method and 3 in the grand total.",
    pitfall="A subtotal has NULL in the column it does not group by, as has a group of rows whose "
    "value is NULL. Only grouping() distinguishes the two.",
)
def visits_by_grouping_sets(
    group_by: Literal[
        "GROUPING SETS ((country, methods), (country), ())",
        "ROLLUP (country, methods)",
        "CUBE (country, methods)",
    ] = "GROUPING SETS ((country, methods), (country), ())",
) -> list[dict[str, Any]]:
    """Returns the visits in two countries by method, with subtotals and a grand total."""
    with connection.cursor() as cursor:
        cursor.execute(SUBTOTALS.format(group_by))
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
