"""Recipes about the frame of a window."""

from datetime import date
from typing import Annotated, Any

from django.db.models import Avg, QuerySet, RowRange, Sum, ValueRange, Window
from django.db.models.expressions import WindowFrameExclusion
from django.db.models.functions import FirstValue, Lag, LastValue, NthValue, Round, TruncMonth

from cookbook.recipes.windows import GROUP
from cookbook.runner.parameters import Between
from transactions.models import Entry, Transaction


@GROUP.recipe(
    "RowRange: a moving average",
    asks="How do I get a moving average over the last few rows?",
    shows=("RowRange", "frame", "moving average", "rolling average", "ROWS BETWEEN", "Avg"),
    notice="For 3 bills the frame is ROWS BETWEEN 2 PRECEDING AND CURRENT ROW, which is this bill "
    "and the two before it. The first bills have fewer than two before them, so their average is "
    "of fewer bills.",
    pitfall="RowRange() without an end includes all later rows: give end=0 to stop at the "
    "current one. And Django refuses Window(Avg(…)) over a Sum of the same query.",
)
def bills_smoothed(bills: Annotated[int, Between(1, 12)] = 3) -> QuerySet[Transaction, Any]:
    """Returns Ana's energy bills, each with the average of the last `bills` bills."""
    frame = RowRange(start=1 - bills, end=0)
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", currency="USD", category="utilities"
        )
        .annotate(average=Round(Window(Avg("amount"), order_by="created_at", frame=frame), 2))
        .order_by("created_at")
        .values("value_date", "description", "amount", "average")
    )


@GROUP.recipe(
    "ROWS or RANGE: what a frame includes",
    asks="What is the difference between ROWS and RANGE in a window?",
    shows=("ValueRange", "RowRange", "frame", "RANGE BETWEEN", "ROWS BETWEEN", "peers", "ties"),
    notice="By rows the sum grows with each row. By range all entries of a day are peers, and "
    "each of them shows the sum at the end of that day.",
    pitfall="RANGE up to the current row is the default for every window with an order, so rows "
    "with equal values all get the same total. And ValueRange(start=-7) is refused: on Postgres, "
    "Django offers UNBOUNDED and CURRENT ROW only, though Postgres itself can do more.",
)
def by_rows_and_by_range(since: date = date(2026, 6, 5)) -> QuerySet[Entry, Any]:
    """Returns running totals of Ana's Travel account, by rows and by whole days."""
    by_rows = Window(
        Sum("signed_amount"),
        order_by=["value_date", "created_at"],
        frame=RowRange(start=None, end=0),
    )
    by_range = Window(
        Sum("signed_amount"), order_by="value_date", frame=ValueRange(start=None, end=0)
    )
    return (
        Entry.objects.filter(
            account__user__email="ana@example.com", account__name="Travel", value_date__gte=since
        )
        .annotate(by_rows=by_rows, by_range=by_range)
        .order_by("value_date", "created_at")
        .values("value_date", "description", "signed_amount", "by_rows", "by_range")
    )


@GROUP.recipe(
    "FirstValue and LastValue: first and last of a group",
    asks="Why does LastValue give me the current row?",
    shows=("FirstValue", "LastValue", "frame", "opening and closing balance", "RowRange"),
    notice="The default frame ends at the last row with the created_at of the current row. These "
    "entries have different times, so last_so_far is each entry's own balance. "
    "RowRange(start=None, end=None), ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING, "
    "includes the end of the day.",
    pitfall="FirstValue is right with the default frame, so LastValue looks right too. Give it "
    "the whole frame, or use FirstValue in the opposite order.",
)
def closing_balance_of_each_day(since: date = date(2026, 6, 5)) -> QuerySet[Entry, Any]:
    """Returns Ana's travel entries, each with the first and the last balance of its day."""
    return (
        Entry.objects.filter(
            account__user__email="ana@example.com", account__name="Travel", value_date__gte=since
        )
        .annotate(
            first=Window(FirstValue("balance"), partition_by="value_date", order_by="created_at"),
            last_so_far=Window(
                LastValue("balance"), partition_by="value_date", order_by="created_at"
            ),
            last=Window(
                LastValue("balance"),
                partition_by="value_date",
                order_by="created_at",
                frame=RowRange(start=None, end=None),
            ),
        )
        .order_by("created_at")
        .values("value_date", "description", "first", "last_so_far", "last")
    )


@GROUP.recipe(
    "NthValue: compare with chosen rows",
    asks="How do I compare every row with the first, the previous or the largest one?",
    shows=("named comparisons", "FirstValue", "NthValue", "Lag", "best row", "Window"),
    notice="The four windows need only two sorts in the plan: first and before share the order by "
    "month, most and second_most the order by sum.",
    pitfall="NthValue, too, sees only the rows of its frame. The default frame ends at the current "
    "row, so the second largest is NULL in the row of the largest.",
    teaches_plan=True,
)
def months_beside_named_months(category: str = "restaurant") -> QuerySet[Transaction, Any]:
    """Returns Ana's monthly spending, with the first, the previous and the two largest months."""
    everything = RowRange(start=None, end=None)
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", currency="USD", category=category
        )
        .values(month=TruncMonth("value_date"))
        .annotate(spent=Sum("amount"))
        .annotate(
            first=Window(FirstValue("spent"), order_by="month"),
            before=Window(Lag("spent"), order_by="month"),
            most=Window(FirstValue("spent"), order_by="-spent"),
            second_most=Window(NthValue("spent", 2), order_by="-spent", frame=everything),
        )
        .order_by("month")
    )


@GROUP.recipe(
    "EXCLUDE CURRENT ROW: compare with all others",
    asks="How do I compare a row with the average of all other rows?",
    shows=("RowRange", "WindowFrameExclusion", "EXCLUDE CURRENT ROW", "frame", "named comparisons"),
    notice="The frame is ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT "
    "ROW, so each bill gets the average of all the other bills.",
    pitfall="The plain average includes the row itself, which pulls the average towards it: with "
    "few rows, an unusual row looks less unusual than it is.",
    django=(5, 1),
)
def bills_beside_the_others(category: str = "utilities") -> QuerySet[Transaction, Any]:
    """Returns Ana's bills, each with the average of all bills and of the other bills."""
    others = RowRange(start=None, end=None, exclusion=WindowFrameExclusion.CURRENT_ROW)
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com", currency="USD", category=category
        )
        .annotate(
            average=Round(Window(Avg("amount")), 2),
            of_the_others=Round(Window(Avg("amount"), frame=others), 2),
        )
        .order_by("-amount", "created_at")
        .values("value_date", "description", "amount", "average", "of_the_others")
    )
