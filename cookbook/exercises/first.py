"""The first part of the learning path: filters, joins, order and totals."""

from datetime import date
from typing import Any

from django.db.models import QuerySet, Sum

from accounts.models import Account, User
from cookbook.exercises.exercise import PathPart
from transactions.models import Transaction

PART = PathPart(
    "first",
    "First recipes",
    "Filters, joins, order and totals: what most pages of a bank need.",
    (
        "the-only-account", "rents-by-size", "daily-limits", "rent-or-large", "largest-payments",
        "page-of-payments", "large-payments-into", "any-many-all", "figures-of-category",
        "spent-by-category",
    ),
)  # fmt: skip


@PART.exercise(
    "Rows that match",
    asks="Which accounts in dollars (USD) have a balance above 1,000? Return the columns number "
    "and balance.",
    uses=(Account,),
    hints=(
        "The table is accounts. Both conditions are about its columns, so you need no join.",
        "WHERE currency = … AND balance > …",
    ),
    recipes=("rents-by-size", "the-only-account"),
)
def accounts_above_a_thousand() -> QuerySet[Account, Any]:
    return Account.objects.filter(currency="USD", balance__gt=1000).values("number", "balance")


@PART.exercise(
    "The first rows of an order",
    asks="Which five deposits are the smallest? Return the columns amount, currency and "
    "value_date, the smallest amount first. Of deposits with the same amount, the one with the "
    "later value date comes first. Do not convert currencies.",
    uses=(Transaction,),
    hints=(
        "A deposit has the type deposit.",
        "Without the date in ORDER BY, the order of equal amounts may differ in each run.",
        "ORDER BY amount, value_date DESC LIMIT 5",
    ),
    recipes=("largest-payments", "page-of-payments"),
    is_ordered=True,
)
def smallest_deposits() -> QuerySet[Transaction, Any]:
    deposits = Transaction.objects.filter(type="deposit").order_by("amount", "-value_date")
    return deposits.values("amount", "currency", "value_date")[:5]


@PART.exercise(
    "Through a foreign key",
    asks="Which accounts are not active, and who holds them? Return the name of the person and the "
    "status of the account.",
    uses=(Account, User),
    hints=(
        "The column accounts.user_id refers to users.id.",
        "JOIN users ON users.id = accounts.user_id, and a condition on accounts.status.",
    ),
    recipes=("large-payments-into", "daily-limits"),
    note="Two underscores follow the foreign key: Django adds the JOIN.",
)
def holders_of_inactive_accounts() -> QuerySet[Account, Any]:
    return Account.objects.exclude(status="active").values("user__name", "status")


@PART.exercise(
    "A total for each group",
    asks="How much money in dollars (USD) did completed withdrawals take in each category in June "
    "2026? Use the value date. Return the columns category and the sum of the amounts.",
    uses=(Transaction,),
    hints=(
        "A withdrawal has the type withdrawal. Its status must be completed.",
        "The column category is not in an aggregate, so it must be in GROUP BY.",
        "SELECT category, sum(amount) … GROUP BY category",
    ),
    recipes=("spent-by-category", "figures-of-category"),
    note="values() before annotate() chooses the columns of GROUP BY.",
)
def spent_in_june_by_category() -> QuerySet[Transaction, Any]:
    return (
        Transaction.objects.filter(
            type="withdrawal",
            status="completed",
            currency="USD",
            value_date__range=(date(2026, 6, 1), date(2026, 6, 30)),
        )
        .values("category")
        .annotate(spent=Sum("amount"))
    )


@PART.exercise(
    "Rows without a match",
    asks="Which people have no account? Return the column name.",
    uses=(User, Account),
    hints=(
        "An inner join drops exactly the people that you are looking for.",
        "LEFT JOIN keeps every person. The columns of the missing account are NULL.",
        "Or: WHERE NOT EXISTS (SELECT FROM accounts WHERE accounts.user_id = users.id)",
    ),
    recipes=("any-many-all", "rent-or-large"),
)
def people_without_an_account() -> QuerySet[User, Any]:
    return User.objects.filter(accounts=None).values("name")
