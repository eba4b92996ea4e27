"""Many rows into few: sums, counts, groups."""

from typing import Annotated, Any

from django.db.models import Count, QuerySet, Sum

from ledger.cookbook.parameters import Between
from ledger.cookbook.recipe import Group
from transactions.models import Transaction

GROUP = Group("aggregation", "Aggregation", "Many rows into few: sums, counts, groups.")


@GROUP.recipe(
    "A total for each group",
    asks="How do I group by a column and sum another?",
    shows=("group by", "Sum", "Count", "values", "annotate"),
    notice="`values()` before `annotate()` is what says GROUP BY; after it, it only picks columns.",
    pitfall="A default ordering on the model joins the GROUP BY and splits the groups: clear it "
    "with an order_by() of your own.",
)
def spent_by_category(most: Annotated[int, Between(1, 50)] = 10) -> QuerySet[Transaction, Any]:
    """What was spent in dollars, category by category, the largest first."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal", status="completed")
        .values("category")
        .annotate(payments=Count("id"), spent=Sum("amount"))
        .order_by("-spent")[:most]
    )
