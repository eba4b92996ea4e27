"""Recipes about window functions for totals and ranks of people."""

from typing import Any, Literal

from django.db.models import QuerySet, Sum, Window
from django.db.models.functions import Rank

from accounts.models import User
from cookbook.recipes.windows import GROUP
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
