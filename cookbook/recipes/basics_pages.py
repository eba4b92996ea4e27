"""Recipes about the order of rows, slices and numbered pages."""

from decimal import Decimal
from typing import Annotated

from django.core.paginator import Paginator
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce, Collate, Concat, Greatest, Least

from accounts.models import Account
from cookbook.recipes.basics import GROUP
from cookbook.runner.parameters import Between
from transactions.models import Transaction


@GROUP.recipe(
    "order_by() and slices: the first few rows",
    asks="How do I sort, and take only some of the rows?",
    shows=(
        "order_by",
        "slicing",
        "LIMIT",
        "OFFSET",
        "objects.all",
        "sort",
        "descending",
        "lazy evaluation",
    ),
    notice="The slice is LIMIT and OFFSET: no other rows are sent to Python. A queryset is lazy: "
    "only reading its rows sends the query. A minus sign sorts "
    "in descending order; rows with equal values are sorted by the columns after it.",
    pitfall="Without a unique last column, rows with equal values come in any order, and one row "
    "can be on two pages. A slice cannot be negative, and nothing can be filtered after it.",
)
def largest_payments(
    skip: Annotated[int, Between(0, 500)] = 0, most: Annotated[int, Between(1, 20)] = 5
) -> QuerySet[Transaction]:
    """Skips the `skip` largest transactions in dollars, and returns the next ones."""
    payments = Transaction.objects.filter(currency="USD")
    return payments.order_by("-amount", "created_at", "pk")[skip : skip + most]


@GROUP.recipe(
    "nulls_last: NULLs at the end",
    asks="How do I sort with NULLs at the end?",
    shows=("order_by", "nulls_last", "F", "NULL", "desc", "sort"),
    notice="nulls_last adds NULLS LAST after DESC. Postgres sorts NULL as larger than every value, "
    "so in descending order NULLs come first by default.",
    pitfall="A plain index on the column does not help with this order: read backwards, it has "
    "the NULLs first. Make an index with DESC NULLS LAST.",
)
def accounts_by_limit() -> QuerySet[Account, dict[str, object]]:
    """Returns the accounts with a daily limit first, then the accounts without a limit."""
    accounts = Account.objects.filter(currency="USD").values("user__name", "name", "daily_limit")
    return accounts.order_by(F("daily_limit").desc(nulls_last=True), "user__email", "name")[:5]


@GROUP.recipe(
    "Coalesce(): a default instead of NULL",
    asks="How do I replace NULL with a default value (COALESCE)?",
    shows=("Coalesce", "COALESCE", "NULL", "default value", "Value"),
    notice="COALESCE returns the first of its arguments that is not NULL: the daily limit, else "
    "the limit per transfer, else 0.",
    pitfall="An empty text is not NULL and stays as it is. And a condition on COALESCE(…) cannot "
    "use an index on the column, because it is an expression.",
)
def limit_or_none(currency: str = "USD") -> QuerySet[Account, dict[str, object]]:
    """Returns each account's daily limit. If it is NULL, the limit per transfer is used, or 0."""
    limit = Coalesce("daily_limit", "transfer_limit", Value(Decimal(0)))
    accounts = Account.objects.filter(currency=currency).annotate(limit=limit)
    rows = accounts.values("user__name", "name", "daily_limit", "transfer_limit", "limit")
    return rows.order_by("-limit", "user__email", "name")[:5]


@GROUP.recipe(
    "Concat, Greatest, Least: functions of columns",
    asks="How do I join texts, or get the larger of two columns of a row?",
    shows=("Concat", "Greatest", "Least", "ExpressionWrapper", "Collate", "concatenate", "Value"),
    notice="The functions run in Postgres, and each is a column of the result. "
    "ExpressionWrapper gives an expression a type, here a condition that of a BooleanField. "
    "Collate sorts by the bytes of the text, so all capital letters come before small ones.",
    pitfall="In Postgres GREATEST and LEAST leave out NULL, so an account without a daily limit "
    "has its balance in both; in MySQL and SQLite the result would be NULL. And Max() is the "
    "largest value of many rows, not of the columns of one.",
)
def accounts_with_labels(
    balance: Decimal = Decimal(5000),
) -> QuerySet[Account, dict[str, object]]:
    """Returns Ana's accounts, each with a label and with values computed from its columns."""
    accounts = Account.objects.filter(user__email="ana@example.com")
    rows = accounts.annotate(
        label=Concat("user__name", Value(": "), "name"),
        least=Least("balance", "daily_limit"),
        greatest=Greatest("balance", "daily_limit"),
        is_large=ExpressionWrapper(Q(balance__gte=balance), output_field=BooleanField()),
    )
    return rows.order_by(Collate("name", "C")).values("label", "least", "greatest", "is_large")


@GROUP.recipe(
    "Paginator: numbered pages",
    asks="How do I paginate a queryset?",
    shows=("Paginator", "pagination", "get_page", "pages", "order_by", "slicing", "OFFSET"),
    notice="Two queries: COUNT(*) for the number of pages, and the page by LIMIT and OFFSET. For "
    "a page that does not exist get_page() returns the last one: it never fails.",
    pitfall="For each page, Postgres counts all rows, and reads and drops every row before the "
    "OFFSET. Where that is too slow, use keyset pagination.",
)
def page_of_payments(page: Annotated[int, Between(1, 200)] = 2) -> dict[str, object]:
    """Returns one page of payments for groceries, the newest first."""
    groceries = Transaction.objects.filter(category="groceries").order_by("-created_at", "-pk")
    current = Paginator(groceries, per_page=5).get_page(page)
    return {
        f"page {current.number} of {current.paginator.num_pages}": list(current),
        "groceries in all": [current.paginator.count],
    }
