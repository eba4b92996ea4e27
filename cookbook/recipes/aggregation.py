"""Recipes about sums, counts and groups."""

from typing import Annotated, Any, Literal

from django.db.models import Avg, Count, Max, Min, OuterRef, Q, QuerySet, StdDev, Subquery, Sum
from django.db.models.functions import Coalesce, Round, TruncMonth

from accounts.models import Account
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from transactions.models import Transaction

GROUP = RecipeGroup(
    "aggregation", "Aggregation", "Sums, counts and groups: many rows in, few rows out."
)


@GROUP.recipe(
    "aggregate(): Sum, Avg, Min, Max, Count",
    asks="How do I get the sum, average, smallest and largest of a column?",
    shows=(
        "aggregate",
        "Sum",
        "Avg",
        "Min",
        "Max",
        "Count",
        "total",
        "average",
        "StdDev",
        "standard deviation",
    ),
    notice="One query and one row, returned as a dict. default=0 adds COALESCE: with no rows the "
    "sum is 0, as the count is; the others are None. Try a category that does not exist. StdDev is "
    "STDDEV_POP, of all rows; sample=True makes it STDDEV_SAMP. Variance is used alike.",
    pitfall="Sum without rows is None, not 0, and None + 1 raises an error in the first month "
    "without payments.",
)
def figures_of_category(category: str = "groceries") -> dict[str, Any]:
    """Returns the count, total, average, smallest, largest and deviation of dollar payments."""
    payments = Transaction.objects.filter(currency="USD", category=category, status="completed")
    return payments.aggregate(
        payments=Count("pk"),
        total=Sum("amount", default=0),
        average=Round(Avg("amount"), precision=2),
        smallest=Min("amount"),
        largest=Max("amount"),
        deviation=Round(StdDev("amount"), precision=2),
    )


@GROUP.recipe(
    "values().annotate(): GROUP BY",
    asks="How do I group by a column and sum another?",
    shows=("group by", "Sum", "Count", "values", "annotate", "GROUP BY"),
    notice="values() before annotate() becomes GROUP BY; after it, values() only picks columns.",
    pitfall="Columns in order_by() are added to the GROUP BY and split the groups: sorted by "
    "created_at, each payment is its own group. Order by a grouped or summed column, or clear "
    "the order with order_by().",
)
def spent_by_category(most: Annotated[int, Between(1, 50)] = 10) -> QuerySet[Transaction, Any]:
    """Returns the spending in dollars by category, the largest first."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal", status="completed")
        .values("category")
        .annotate(payments=Count("id"), spent=Sum("amount"))
        .order_by("-spent")[:most]
    )


@GROUP.recipe(
    "Sum(filter=Q(…)): conditional sums",
    asks="How do I compute several sums in one query, each over only some of the rows?",
    shows=(
        "filtered aggregate",
        "Sum",
        "Count",
        "Q",
        "FILTER",
        "conditional sum",
        "group by",
        "pivot table",
        "crosstab",
    ),
    notice="Each sum and the count have their own FILTER (WHERE …), and the table is read once.",
    pitfall="A condition in .filter() applies to every sum of the query. The sum of a group "
    "without such rows is NULL, unless you give a default; its count is 0.",
)
def in_and_out() -> QuerySet[Transaction, Any]:
    """Sums the deposits and the withdrawals of each currency, and counts its transfers."""
    return (
        Transaction.objects.filter(status="completed")
        .values("currency")
        .annotate(
            came_in=Sum("amount", filter=Q(type="deposit"), default=0),
            went_out=Sum("amount", filter=Q(type="withdrawal"), default=0),
            stayed=Count("pk", filter=Q(type="transfer")),
        )
        .order_by("currency")
    )


@GROUP.recipe(
    "TruncMonth: group by month",
    asks="How do I group by month, week or day?",
    shows=(
        "TruncMonth",
        "group by",
        "Sum",
        "Count",
        "date_trunc",
        "per month",
        "TruncWeek",
        "TruncDay",
        "group by day",
    ),
    notice="The query has GROUP BY 1, which means its first column: DATE_TRUNC('month', …) in the "
    "current time zone. TruncWeek, whose weeks begin on Monday, and TruncDay are used alike.",
    pitfall="A month without rows is missing; it does not appear with zero. Grouping by "
    "created_at__month merges the same month of all years.",
)
def spent_by_month(category: str = "groceries") -> QuerySet[Transaction, Any]:
    """Returns how many dollars were spent on a category in each month."""
    return (
        Transaction.objects.filter(currency="USD", category=category)
        .annotate(month=TruncMonth("created_at"))
        .values("month")
        .annotate(payments=Count("pk"), spent=Sum("amount"))
        .order_by("month")
    )


@GROUP.recipe(
    "HAVING: filter() after annotate()",
    asks="How do I filter by a count or a sum (HAVING)?",
    shows=(
        "having",
        "HAVING",
        "find duplicates",
        "filter on an aggregate",
        "Count",
        "Avg",
        "group by",
        "filter",
        "annotate",
    ),
    notice="The filter() before annotate() becomes WHERE, which decides which rows are counted. "
    "The one after it becomes HAVING, which decides which groups are returned.",
    pitfall="The order matters: a filter over a to-many relation after annotate() can add a second "
    "join, and rows are counted more than once.",
)
def frequent_categories(least: Annotated[int, Between(1, 1000)] = 200) -> QuerySet[Any, Any]:
    """Returns the categories with at least `least` withdrawals in dollars."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal")
        .values("category")
        .annotate(payments=Count("pk"), average=Round(Avg("amount"), precision=2))
        .filter(payments__gte=least)
        .order_by("-payments")
    )


@GROUP.recipe(
    "Count(distinct=True): two counts in one query",
    asks="Why are my counts too large when I annotate two relations?",
    shows=("Count", "Sum", "distinct", "Subquery", "OuterRef", "two aggregates", "join"),
    notice="For Savings, the first query joins each of 2 payments out with each of 78 in: 156 "
    "rows, so both counts are 156. distinct=True counts correctly, but still joins all those rows. "
    "The third query counts each relation in its own subquery.",
    pitfall="distinct does not repair a Sum: it would drop equal amounts. The wrong figures look "
    "plausible, and nothing fails.",
)
def sent_and_received(
    name: Literal["Savings", "Everyday", "Travel"] = "Savings",
) -> dict[str, QuerySet[Account, Any]]:
    """Counts the payments that one of Ana's accounts sent, and those that it received."""
    accounts = Account.objects.filter(user__email="ana@example.com", name=name)

    def number_of(side: str) -> Coalesce:
        mine = Transaction.objects.filter(**{side: OuterRef("pk")})
        return Coalesce(Subquery(mine.values(side).annotate(n=Count("pk")).values("n")), 0)

    return {
        "multiplied": accounts.values(out=Count("sent"), into=Count("received")),
        "distinct": accounts.values(
            out=Count("sent", distinct=True), into=Count("received", distinct=True)
        ),
        "subqueries": accounts.values(out=number_of("from_account"), into=number_of("to_account")),
    }
