"""Recipes about window functions, which add values of other rows to each row."""

from datetime import date
from typing import Annotated, Any

from django.db.models import Count, F, QuerySet, Sum, Window
from django.db.models.functions import (
    CumeDist,
    DenseRank,
    Lag,
    Lead,
    Ntile,
    PercentRank,
    Rank,
    Round,
    RowNumber,
    TruncMonth,
)

from accounts.models import Account
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Entry, Transaction

GROUP = RecipeGroup(
    "windows", "Window functions", "Each row with values of other rows: totals, ranks, neighbours."
)


@GROUP.recipe(
    "Running total: Window(Sum, order_by)",
    asks="How do I compute a running total, as on a bank statement?",
    shows=("running total", "Window", "Sum", "cumulative sum", "opening balance"),
    notice="SUM(…) OVER (ORDER BY created_at) adds up all rows up to the current one. The total "
    "starts at zero before the first row returned; the stored balance includes everything before "
    "that row.",
    pitfall="WHERE runs before OVER: a filter on days removes the earlier rows from the total "
    "too, even when filter() is written after annotate(). Add the opening balance yourself.",
)
def statement_with_running_total(since: date = date(2026, 6, 5)) -> QuerySet[Entry, Any]:
    """Returns the entries of Ana's Travel account since a day, each with a running total."""
    return (
        Entry.objects.filter(
            account__user__email="ana@example.com",
            account__name="Travel",
            value_date__gte=since,
        )
        .annotate(moved=Window(Sum("signed_amount"), order_by="created_at"))
        .order_by("created_at")
        .values("value_date", "description", "signed_amount", "moved", "balance")
    )


@GROUP.recipe(
    "PARTITION BY: a row's share of its group",
    asks="How do I show a row next to the total of its group, without GROUP BY?",
    shows=("partition", "partition_by", "Window", "Sum", "share", "percentage of total"),
    notice="The window has PARTITION BY and no ORDER BY, so every row gets the sum of its whole "
    "day. The rows stay separate; GROUP BY would merge them.",
    pitfall="With an order_by in the same window the total becomes a running total: the frame "
    "then ends at the current row, and the shares are too large.",
)
def share_of_the_day(since: date = date(2026, 6, 5)) -> QuerySet[Transaction, Any]:
    """Returns each payment from Ana's Travel account with its share of that day's spending."""
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com",
            from_account__name="Travel",
            status="completed",
            value_date__gte=since,
        )
        .annotate(
            day_total=Window(Sum("amount"), partition_by="value_date"),
            per_cent=Round(F("amount") * 100 / F("day_total"), 1),
        )
        .order_by("created_at")
        .values("value_date", "description", "amount", "day_total", "per_cent")
    )


@GROUP.recipe(
    "Rank, DenseRank, RowNumber: ranking with ties",
    asks="What is the difference between rank, dense_rank and row_number?",
    shows=("Rank", "DenseRank", "RowNumber", "ties", "ranking", "leaderboard"),
    notice="Insurance and utilities share rank 4. Rank continues with 6, DenseRank with 5, and "
    "RowNumber gives each row its own number.",
    pitfall="RowNumber over a column with ties is random: the next run may number the tied rows "
    "differently. End the order with a unique column.",
)
def categories_by_number_of_payments() -> QuerySet[Transaction, Any]:
    """Ranks Ana's categories by the number of payments, the least frequent first."""
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com",
            currency="USD",
            type="withdrawal",
            status="completed",
        )
        .values("category")
        .annotate(payments=Count("pk"))
        .annotate(
            rank=Window(Rank(), order_by="payments"),
            dense_rank=Window(DenseRank(), order_by="payments"),
            row_number=Window(RowNumber(), order_by=["payments", "category"]),
        )
        .order_by("row_number")
    )


@GROUP.recipe(
    "filter() on Rank: the first places, with ties",
    asks="How do I keep only the rows up to a rank, with a threshold on their total?",
    shows=("filter on a window", "Rank", "threshold", "HAVING", "QUALIFY", "subquery", "top"),
    notice="filter(total__gte=…) is a condition on the sum, so it becomes HAVING and runs before "
    "the ranks. filter(place__lte=…) is a condition on a window, which neither WHERE nor HAVING "
    "may have: Django puts the query into a subquery and filters around it.",
    pitfall="The ranks are given before the outer filter: every group is computed and sorted, "
    "however few are kept. And a slice [:3] cuts ties in two where Rank keeps them all.",
)
def largest_categories(
    places: Annotated[int, Between(1, 10)] = 3, at_least: int = 500
) -> QuerySet[Transaction, Any]:
    """Returns the categories with the largest spending in dollars, each with its rank."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal", status="completed")
        .values("category")
        .annotate(total=Sum("amount"))
        .filter(total__gte=at_least)
        .annotate(place=Window(Rank(), order_by="-total"))
        .filter(place__lte=places)
        .order_by("place", "category")
    )


@GROUP.recipe(
    "PercentRank and CumeDist: relative rank",
    asks="How do I find the share of rows that a row ranks above?",
    shows=("PercentRank", "CumeDist", "percentile of a row", "relative rank"),
    notice="PercentRank is (rank - 1) / (rows - 1): 0 for the lowest and 1 for the highest. "
    "CumeDist is the share of rows that are not above this one, so it is never 0.",
    pitfall="The result is a float between 0 and 1, not a percentage. It counts only the filtered "
    "rows: the only account in a currency has a PercentRank of 0, however rich it is.",
)
def where_a_balance_stands() -> QuerySet[Account, Any]:
    """Returns each Everyday account in euros with the share of accounts that have less money."""
    return (
        Account.objects.filter(currency="EUR", name="Everyday")
        .annotate(
            percent_rank=Window(PercentRank(), order_by="balance"),
            cume_dist=Window(CumeDist(), order_by="balance"),
        )
        .order_by("balance")
        .values("user__email", "balance", "percent_rank", "cume_dist")
    )


@GROUP.recipe(
    "Ntile: quartiles",
    asks="How do I cut rows into quarters (quartiles) of equal size?",
    shows=("Ntile", "quartile", "quantile", "buckets", "equal groups"),
    notice="NTILE(4) splits 12 accounts into four parts of three, in the order of the window. "
    "With 5 parts the first two have three accounts and the others two.",
    pitfall="The parts have the same number of rows, not the same range: two accounts with the "
    "same balance may be in different parts. For ranges of amounts use Case and When.",
)
def balances_in_parts(parts: Annotated[int, Between(1, 12)] = 4) -> QuerySet[Account, Any]:
    """Splits the dollar accounts into equal parts, from the largest balance to the smallest."""
    return (
        Account.objects.filter(currency="USD")
        .annotate(part=Window(Ntile(parts), order_by=["-balance", "number"]))
        .order_by("part", "-balance")
        .values("part", "user__email", "name", "balance")
    )


@GROUP.recipe(
    "Lag: compare with the previous row",
    asks="How do I compare each row with the previous one?",
    shows=("Lag", "previous row", "month over month", "difference", "TruncMonth", "group by"),
    notice="The window runs after GROUP BY, so LAG(SUM(amount)) is the sum of the month before. "
    "The first month has none: it is NULL, and so is the change.",
    pitfall="In the same annotate() as the first Sum, Django puts a bare Window into GROUP BY, "
    "and Postgres refuses it: put it into a separate annotate(). And Lag goes back one row, not "
    "one month: if a month has no rows, it returns an earlier month.",
)
def spending_by_month(category: str = "groceries") -> QuerySet[Transaction, Any]:
    """Returns Ana's spending on a category in each month, and the change from the month before."""
    before = Window(Lag(Sum("amount")), order_by="month")
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", currency="USD", category=category
        )
        .values(month=TruncMonth("value_date"))
        .annotate(spent=Sum("amount"), change=Sum("amount") - before)
        .annotate(before=before)
        .order_by("month")
    )


@GROUP.recipe(
    "Lead: the time until the next row",
    asks="How do I find the pause between a row and the next?",
    shows=("Lead", "next row", "gap", "partition", "duration"),
    notice="LEAD reads the next row within its partition, here one account; the last row of each "
    "account has none, so nulls_last sorts those to the end. Subtracting two dates gives days.",
    pitfall="Without partition_by the next row may belong to another account, and the results "
    "are wrong.",
)
def days_until_cash_is_drawn_again(
    most: Annotated[int, Between(1, 20)] = 8,
) -> QuerySet[Transaction, Any]:
    """Returns the longest times between two cash withdrawals from the same dollar account."""
    next_day = Window(Lead("value_date"), partition_by="from_account", order_by="created_at")
    return (
        Transaction.objects.filter(category="cash", currency="USD", from_account__isnull=False)
        .annotate(next_day=next_day, pause=F("next_day") - F("value_date"))
        .order_by(F("pause").desc(nulls_last=True), "created_at")
        .values("from_account__user__email", "value_date", "next_day", "pause")[:most]
    )


@GROUP.recipe(
    "Top N per group: filter on RowNumber",
    asks="How do I keep only the top N rows of each group?",
    shows=(
        "filter after window",
        "RowNumber",
        "top N per group",
        "greatest n per group",
        "rank within group",
        "partition",
    ),
    notice="WHERE cannot use a window. So Django puts the query into a subquery named qualify, "
    "and the condition on place into the outer query. Before version 4.2, this was an error.",
    pitfall="Django puts a condition on a plain column into the subquery, so it applies before "
    "the numbering, even if its filter() follows the filter() on the window.",
)
def largest_payments_of_each_category(
    each: Annotated[int, Between(1, 4)] = 2,
) -> QuerySet[Transaction, Any]:
    """Returns Ana's largest payments in Lisbon, `each` of them for every category."""
    place = Window(RowNumber(), partition_by="category", order_by=["-amount", "created_at"])
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com",
            from_account__name="Travel",
            value_date__range=("2026-05-29", "2026-06-06"),
        )
        .annotate(place=place)
        .filter(place__lte=each)
        .order_by("category", "place")
        .values("category", "place", "description", "amount")
    )


@GROUP.recipe(
    "DISTINCT ON: the newest row of each group",
    asks="How do I get the latest row per account?",
    shows=("distinct", "DISTINCT ON", "latest per group", "RowNumber", "filter after window"),
    notice="DISTINCT ON keeps the first row of each account in the given order and needs no "
    "subquery; with a window the rows are numbered in a subquery and all but number 1 are "
    "dropped.",
    pitfall="order_by() has to begin with the columns of distinct(…), or Postgres refuses with "
    "42P10. So the result is sorted by account; for another order use it as a subquery.",
)
def newest_payment_of_each_account() -> dict[str, list[dict[str, Any]]]:
    """Returns the last payment from each account in pounds, by DISTINCT ON and by a window."""
    payments = Transaction.objects.filter(from_account__currency="GBP")
    columns = ("from_account__user__email", "from_account__name", "description")
    with step("DISTINCT ON"):
        newest_first = payments.order_by("from_account", "-created_at")
        by_distinct = list(newest_first.distinct("from_account").values(*columns))
    with step("RowNumber"):
        number = Window(RowNumber(), partition_by="from_account", order_by="-created_at")
        first = payments.annotate(number=number).filter(number=1)
        by_window = list(first.order_by("from_account").values(*columns))
    return {"By DISTINCT ON": by_distinct, "By a window": by_window}
