"""Many rows into few: sums, counts, groups."""

from typing import Annotated, Any, Literal

from django.db.models import Avg, Count, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Round, TruncMonth

from accounts.models import Account
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from transactions.models import Transaction

GROUP = RecipeGroup("aggregation", "Aggregation", "Many rows into few: sums, counts, groups.")


@GROUP.recipe(
    "One line of figures",
    asks="How do I get the sum, average, smallest and largest of a column?",
    shows=("Sum", "Avg", "Min", "Max", "Count", "aggregate", "total", "average"),
    notice="One query, one row, and a dict of it. The sum has default=0, which is COALESCE: of no "
    "rows at all it is 0, as the count is; the other three figures are None. Try a category that "
    "nobody has.",
    pitfall="Sum of nothing is None, not 0, and None + 1 fails on the first empty month.",
)
def figures_of_category(category: str = "groceries") -> dict[str, Any]:
    """What was paid in dollars for one category, in five figures."""
    payments = Transaction.objects.filter(currency="USD", category=category, status="completed")
    return payments.aggregate(
        payments=Count("pk"),
        total=Sum("amount", default=0),
        average=Round(Avg("amount"), precision=2),
        smallest=Min("amount"),
        largest=Max("amount"),
    )


@GROUP.recipe(
    "A total for each group",
    asks="How do I group by a column and sum another?",
    shows=("group by", "Sum", "Count", "values", "annotate", "GROUP BY"),
    notice="values() before annotate() is what says GROUP BY; after it, it only picks columns.",
    pitfall="Whatever order_by() names joins the GROUP BY and splits the groups: sorted by "
    "created_at, each payment is a group of its own. Order by what is grouped or summed, or "
    "clear the order with order_by().",
)
def spent_by_category(most: Annotated[int, Between(1, 50)] = 10) -> QuerySet[Transaction, Any]:
    """What was spent in dollars, category by category, the largest first."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal", status="completed")
        .values("category")
        .annotate(payments=Count("id"), spent=Sum("amount"))
        .order_by("-spent")[:most]
    )


@GROUP.recipe(
    "Some rows into one sum, some into another",
    asks="How do I sum only some rows, several ways in one query?",
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
    pitfall="A condition in .filter() holds for every sum of the query. The sum of a group with "
    "no such row is NULL, unless default says otherwise; its count is 0.",
)
def in_and_out() -> QuerySet[Transaction, Any]:
    """What came into the bank and what left it, currency by currency."""
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
    "Month by month",
    asks="How do I group by month, week or day?",
    shows=("TruncMonth", "group by", "Sum", "Count", "date_trunc", "per month"),
    notice="GROUP BY 1: the first column, DATE_TRUNC('month', …) in the current time zone.",
    pitfall="A month without a row is not there as zero; it is not there. Grouping by "
    "created_at__month puts the Junes of all years together.",
)
def spent_by_month(category: str = "groceries") -> QuerySet[Transaction, Any]:
    """What was paid in dollars for one category in each month."""
    return (
        Transaction.objects.filter(currency="USD", category=category)
        .annotate(month=TruncMonth("created_at"))
        .values("month")
        .annotate(payments=Count("pk"), spent=Sum("amount"))
        .order_by("month")
    )


@GROUP.recipe(
    "Only the groups that are large enough",
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
    notice="The filter before annotate() is WHERE: which rows are counted. The one after it is "
    "HAVING: which groups are shown.",
    pitfall="Their order means something: a filter on a column of many rows, put after "
    "annotate(), can join a second time and count each row double.",
)
def frequent_categories(least: Annotated[int, Between(1, 1000)] = 200) -> QuerySet[Any, Any]:
    """Categories in dollars with at least that many withdrawals."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal")
        .values("category")
        .annotate(payments=Count("pk"), average=Round(Avg("amount"), precision=2))
        .filter(payments__gte=least)
        .order_by("-payments")
    )


@GROUP.recipe(
    "Two counts at once, without multiplying them",
    asks="Why are my counts too large when I annotate two relations?",
    shows=("Count", "Sum", "distinct", "Subquery", "OuterRef", "two aggregates", "join"),
    notice="The first query joins each of 2 payments out to each of 78 in: 156 rows, so both "
    "counts say 156. distinct=True counts right, after making all those rows all the same. "
    "The third asks each relation by itself.",
    pitfall="A Sum cannot be mended with distinct: it would drop equal amounts. Wrong "
    "figures look like figures; nothing fails.",
)
def sent_and_received(
    name: Literal["Savings", "Everyday", "Travel"] = "Savings",
) -> dict[str, QuerySet[Account, Any]]:
    """Ana's account: how many payments went out, and how many came in."""
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
