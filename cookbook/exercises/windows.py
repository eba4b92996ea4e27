"""The part of the learning path about window functions."""

from datetime import date
from typing import Any

from django.db.models import Count, F, QuerySet, RowRange, Sum, Window
from django.db.models.aggregates import Avg
from django.db.models.functions import Lag, Rank, Round, RowNumber, TruncMonth

from accounts.models import Account, User
from cookbook.exercises.exercise import PathPart
from transactions.models import Entry, Transaction

PART = PathPart(
    "windows",
    "Windows",
    "Window functions: each row with values of other rows, such as totals, ranks and neighbours.",
    (
        "statement-with-running-total", "share-of-the-day", "categories-by-number-of-payments",
        "spending-by-month", "largest-payments-of-each-category", "newest-payment-of-each-account",
        "bills-smoothed", "by-rows-and-by-range",
    ),
)  # fmt: skip


@PART.exercise(
    "A running total",
    asks="List the completed entries of Ana Ferreira's account Travel with a value date from 1 "
    "June 2026 on. Return the columns value_date, signed_amount, and the sum of signed_amount up "
    "to this entry. The order is created_at, for the sum and for the rows.",
    uses=(Entry, Account, User),
    hints=(
        "Her email address is ana@example.com, and the account has the name Travel.",
        "sum(signed_amount) OVER (ORDER BY …) adds up the rows up to the current row.",
        "The condition on the day is in WHERE, so the sum begins with the first row of June.",
    ),
    recipes=("statement-with-running-total", "by-rows-and-by-range"),
    is_ordered=True,
)
def total_of_june_so_far() -> QuerySet[Entry, Any]:
    return (
        Entry.objects.filter(
            account__user__email="ana@example.com",
            account__name="Travel",
            value_date__gte=date(2026, 6, 1),
        )
        .annotate(total=Window(Sum("signed_amount"), order_by="created_at"))
        .order_by("created_at")
        .values("value_date", "signed_amount", "total")
    )


@PART.exercise(
    "A share of the group",
    asks="What percentage of all money in its currency does each account have? Leave out accounts "
    "with a balance of zero or less, also from the total. Return the columns number, currency, and "
    "the percentage, rounded to one decimal.",
    uses=(Account,),
    hints=(
        "sum(balance) OVER (PARTITION BY currency) is the total of the currency, in every row.",
        "With ORDER BY in the window, the sum would become a running total.",
        "round(balance * 100 / sum(balance) OVER (…), 1)",
    ),
    recipes=("share-of-the-day",),
)
def share_of_the_currency() -> QuerySet[Account, Any]:
    return (
        Account.objects.filter(balance__gt=0)
        .annotate(
            total=Window(Sum("balance"), partition_by="currency"),
            per_cent=Round(F("balance") * 100 / F("total"), 1),
        )
        .values("number", "currency", "per_cent")
    )


@PART.exercise(
    "The first places of each group",
    asks="What are the two largest completed withdrawals of each category in dollars (USD)? Of "
    "withdrawals with the same amount, take the one with the later value date. Return the columns "
    "category, amount and value_date, and the place of the withdrawal in its category: 1 or 2.",
    uses=(Transaction,),
    hints=(
        "row_number() OVER (PARTITION BY category ORDER BY …) numbers the rows of each category.",
        "WHERE runs before window functions, so the condition on the number needs a subquery.",
        "SELECT … FROM (SELECT …, row_number() OVER (…) AS place FROM …) AS n WHERE place <= 2",
    ),
    recipes=("largest-payments-of-each-category", "newest-payment-of-each-account"),
)
def largest_two_of_each_category() -> QuerySet[Transaction, Any]:
    place = Window(RowNumber(), partition_by="category", order_by=["-amount", "-value_date"])
    return (
        Transaction.objects.filter(type="withdrawal", status="completed", currency="USD")
        .annotate(place=place)
        .filter(place__lte=2)
        .values("category", "amount", "value_date", "place")
    )


@PART.exercise(
    "The row before",
    asks="How did the spending on groceries in dollars (USD) change from month to month? Add up "
    "the completed withdrawals of the category groceries by the month of the value date. Return "
    "the first day of the month, the sum, and the sum of the month before (NULL for the first "
    "month), the oldest month first.",
    uses=(Transaction,),
    hints=(
        "date_trunc('month', value_date) is the first day of the month.",
        "Window functions run after GROUP BY, so lag() can contain an aggregate.",
        "lag(sum(amount)) OVER (ORDER BY date_trunc('month', value_date))",
    ),
    recipes=("spending-by-month",),
    is_ordered=True,
)
def groceries_and_the_month_before() -> QuerySet[Transaction, Any]:
    return (
        Transaction.objects.filter(
            type="withdrawal", status="completed", currency="USD", category="groceries"
        )
        .values(month=TruncMonth("value_date"))
        .annotate(spent=Sum("amount"))
        .annotate(before=Window(Lag("spent"), order_by="month"))
        .order_by("month")
    )


@PART.exercise(
    "Ranks",
    asks="Which place does each person with an account have by the number of their accounts? The "
    "largest number has place 1. People with the same number share a place, and as many places "
    "after it are left out: 1, 2, 2, 4. Return the columns name and place.",
    uses=(Account, User),
    hints=(
        "row_number() would give people with the same number of accounts different places.",
        "rank() leaves places out after a tie, and dense_rank() does not.",
        "rank() OVER (ORDER BY count(*) DESC), with GROUP BY users.id",
    ),
    recipes=("categories-by-number-of-payments",),
)
def places_by_number_of_accounts() -> QuerySet[User, Any]:
    return (
        User.objects.filter(accounts__isnull=False)
        .annotate(many=Count("accounts"))
        .annotate(place=Window(Rank(), order_by=F("many").desc()))
        .values("name", "place")
    )


@PART.exercise(
    "A moving average",
    asks="Smooth Ana Ferreira's bills for utilities: list her completed withdrawals of the "
    "category utilities with the average of this amount and the two amounts before it. Return the "
    "columns value_date, amount, and the average, rounded to two decimals. The order is "
    "created_at.",
    uses=(Transaction, Account, User),
    hints=(
        "Join accounts by from_account_id, and users by user_id. Her address is ana@example.com.",
        "A frame limits the rows of a window: ROWS BETWEEN 2 PRECEDING AND CURRENT ROW.",
        "round(avg(amount) OVER (ORDER BY created_at ROWS BETWEEN …), 2)",
    ),
    recipes=("bills-smoothed", "by-rows-and-by-range"),
    is_ordered=True,
)
def utilities_smoothed() -> QuerySet[Transaction, Any]:
    three = Window(Avg("amount"), order_by="created_at", frame=RowRange(start=-2, end=0))
    return (
        Transaction.objects.filter(
            from_account__user__email="ana@example.com",
            category="utilities",
            type="withdrawal",
            status="completed",
        )
        .annotate(average=Round(three, 2))
        .order_by("created_at")
        .values("value_date", "amount", "average")
    )
