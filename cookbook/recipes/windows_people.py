"""Recipes about window functions for totals and ranks of people."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from django.db import connection
from django.db.models import F, QuerySet, Sum, Window
from django.db.models.functions import Lag, Rank

from accounts.models import User
from cookbook.recipes.windows import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "Window(partition_by): running total per user",
    asks="How do I compute a running total for each user?",
    shows=(
        "running total per user",
        "running total",
        "partition_by",
        "Window",
        "Sum",
        "cumulative sum",
    ),
    notice="PARTITION BY starts the sum again for each person, and ORDER BY inside OVER makes it a "
    "running one. The key breaks ties, so that two rents at one moment are added one by one.",
    pitfall="The order inside OVER is not the order of the rows: without order_by() they may come "
    "in any order. And a slice keeps the first rows of the whole list, not of each person.",
)
def rent_so_far(currency: Literal["USD", "EUR", "GBP"] = "GBP") -> QuerySet[Transaction, Any]:
    """Returns the rent payments of each person in one currency, with the person's total so far."""
    so_far = Window(Sum("amount"), partition_by="from_account__user", order_by=["created_at", "pk"])
    return (
        Transaction.objects.filter(category="rent", currency=currency, status="completed")
        .annotate(so_far=so_far)
        .order_by("from_account__user__email", "created_at", "pk")
        .values("from_account__user__name", "value_date", "amount", "so_far")[:20]
    )


@GROUP.recipe(
    "Rank over Sum: users by balance",
    asks="How do I rank users by the sum of their balances?",
    shows=("Rank", "rank users by balance", "rank users", "leaderboard", "Sum", "group by"),
    notice="values() and Sum make one row for each person (GROUP BY), and RANK() runs after that, "
    "over the sums. An equal total gives an equal place.",
    pitfall="The Window needs a separate annotate(), after the one with the Sum. Never rank "
    "amounts of different currencies together: filter by one.",
)
def people_by_balance(currency: Literal["USD", "EUR", "GBP"] = "USD") -> QuerySet[User, Any]:
    """Returns the ten people with the most money in one currency, over all their accounts."""
    return (
        User.objects.filter(accounts__currency=currency)
        .values("name", "email")
        .annotate(total=Sum("accounts__balance"))
        .annotate(place=Window(Rank(), order_by="-total"))
        .order_by("place", "email")[:10]
    )


@GROUP.recipe(
    "Gaps and islands: days in a row",
    asks="How do I find gaps between dates, or consecutive days?",
    shows=(
        "gaps and islands",
        "gaps",
        "islands",
        "consecutive days",
        "streak",
        "Lag",
        "DENSE_RANK",
        "nested window",
        "window over a window",
    ),
    notice="A gap needs only LAG: the day before, in one row with the day. An island is a run of "
    "days. Within an island, the day and the number of the day grow together, so day minus number "
    "is constant. GROUP BY this constant makes one row of each island.",
    pitfall="Use DENSE_RANK, not ROW_NUMBER: a second payment on one day would break the island. "
    "Postgres refuses a window function in GROUP BY and in another window. Both need a subquery in "
    "FROM, which you write in SQL.",
)
def gaps_and_islands(days: Annotated[int, Between(2, 30)] = 3) -> dict[str, list[dict[str, Any]]]:
    """Returns the longest gaps between days with groceries, and the longest runs of such days."""
    with step("Gaps"):
        before = Window(Lag("value_date"), partition_by="from_account__user", order_by="value_date")
        gaps = list(
            Transaction.objects.filter(category="groceries", status="completed")
            .annotate(before=before, gap=F("value_date") - F("before"))
            .filter(gap__gte=timedelta(days=days))
            .order_by("-gap", "value_date", "from_account__user__name")
            .values("from_account__user__name", "before", "value_date", "gap")[:5]
        )
    with step("Islands"), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT name, min(day) AS first, max(day) AS last, count(DISTINCT day) AS days
            FROM (
                SELECT users.id, users.name, value_date AS day, value_date - dense_rank()
                    OVER (PARTITION BY users.id ORDER BY value_date)::int AS island
                FROM transactions JOIN accounts ON accounts.id = from_account_id
                JOIN users ON users.id = user_id
                WHERE category = 'groceries' AND transactions.status = 'completed'
            ) AS numbered
            GROUP BY id, name, island HAVING count(DISTINCT day) >= %s
            ORDER BY days DESC, first, name LIMIT 5
            """,
            [days],
        )
        columns = [column.name for column in cursor.description]
        islands = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return {"Gaps": gaps, "Islands": islands}
