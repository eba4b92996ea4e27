"""Recipes that find random rows and duplicate rows."""

from datetime import date
from typing import Annotated, Any

from django.db.models import Count, Window
from django.db.models.functions import RowNumber

from cookbook.recipes.reading import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "Random rows: order_by('?') or TABLESAMPLE",
    asks="How do I pick random rows, and why is order_by('?') slow?",
    shows=("random rows", "ORDER BY RANDOM()", "TABLESAMPLE", "sample", "order_by", "raw"),
    notice="order_by('?') is ORDER BY RANDOM(): all 10,000 rows get a random number and are "
    "sorted, and a few are kept. TABLESAMPLE BERNOULLI (1) takes each row with a chance of one in "
    "a hundred (Sample Scan in the plan), and only those hundred or so are sorted.",
    pitfall="A sample with a LIMIT but without ORDER BY returns rows from the start of the table "
    "only. BERNOULLI reads every page; SYSTEM reads some pages and takes all of their rows, "
    "which were inserted together. The sample of a small table may be empty.",
    teaches_plan=True,
)
def some_at_random(most: Annotated[int, Between(1, 10)] = 3) -> dict[str, list[Any]]:
    """Returns a few random transactions, different each time, in two ways."""
    with step("All rows sorted"):
        shuffled = list(Transaction.objects.order_by("?").values("description", "amount")[:most])
    with step("A sample sorted"):
        sample = Transaction.objects.raw(
            "SELECT id, description, amount FROM transactions TABLESAMPLE BERNOULLI (1)"
            " ORDER BY random() LIMIT %s",
            [most],
        )
        sampled = [{"description": row.description, "amount": row.amount} for row in sample]
    return {"order_by('?')": shuffled, "TABLESAMPLE": sampled}


@GROUP.recipe(
    "Duplicate rows: HAVING and RowNumber",
    asks="How do I find duplicate rows, and keep only one of each?",
    shows=("duplicates", "find duplicates", "RowNumber", "HAVING", "duplicate rows", "partition"),
    notice="HAVING COUNT(…) > 1 finds the values that occur more than once. ROW_NUMBER() over "
    "the same columns finds the rows: number 1 is the one to keep, all others are the ones to "
    "check, or to delete by their keys.",
    pitfall="Deleting them once does not prevent new ones: add the unique constraint in the same "
    "migration. And GROUP BY and PARTITION BY treat NULLs as equal, while = in a join does not.",
)
def paid_twice_a_day(since: date = date(2026, 6, 8)) -> dict[str, list[Any]]:
    """Returns what Ana paid twice on a day: the repeated values, and the later payments."""
    payments = Transaction.objects.filter(
        from_account__user__email="ana@example.com", value_date__gte=since
    )
    same = ["value_date", "description", "amount"]
    with step("The repeated values: HAVING"):
        groups = payments.values(*same).annotate(times=Count("pk")).filter(times__gt=1)
        repeated = list(groups.order_by(*same)[:20])
    with step("The repeated rows: RowNumber"):
        number = Window(RowNumber(), partition_by=same, order_by="created_at")
        later = payments.annotate(number=number).filter(number__gt=1).order_by("created_at")
        again = list(later.values("created_at", "description", "amount", "number")[:20])
    return {"Which": repeated, "The later ones": again}
