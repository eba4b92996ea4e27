"""Basics, the pages: order, slices, and pages with numbers."""

from decimal import Decimal
from typing import Annotated

from django.core.paginator import Paginator
from django.db.models import F, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import Account
from cookbook.recipes.basics import GROUP
from cookbook.runner.parameters import Between
from transactions.models import Transaction


@GROUP.recipe(
    "Sorted, and the first few",
    asks="How do I sort, and take only some of the rows?",
    shows=("order_by", "slicing", "LIMIT", "OFFSET", "sort", "descending"),
    notice="The slice is LIMIT and OFFSET: no other rows come to Python. A minus sorts downwards; "
    "the columns after the first decide between equals.",
    pitfall="Without a last column that is unique, equals come in any order, and a row can show on "
    "two pages. A slice cannot be negative, and nothing can be filtered after it.",
)
def largest_payments(
    skip: Annotated[int, Between(0, 500)] = 0, most: Annotated[int, Between(1, 20)] = 5
) -> QuerySet[Transaction]:
    """The largest movements in dollars, a few at a time."""
    payments = Transaction.objects.filter(currency="USD")
    return payments.order_by("-amount", "created_at", "pk")[skip : skip + most]


@GROUP.recipe(
    "Empty values last",
    asks="How do I sort with NULLs at the end?",
    shows=("order_by", "nulls_last", "F", "NULL", "desc", "sort"),
    notice="DESC NULLS LAST. Postgres counts NULL as larger than everything, so that downwards it "
    "comes first unless told.",
    pitfall="A plain index on the column does not serve this order: read backwards it has the "
    "NULLs first. It takes one made with DESC NULLS LAST.",
)
def accounts_by_limit() -> QuerySet[Account, dict[str, object]]:
    """Accounts with a daily limit first, then those without any."""
    accounts = Account.objects.filter(currency="USD").values("user__name", "name", "daily_limit")
    return accounts.order_by(F("daily_limit").desc(nulls_last=True), "user__email", "name")[:5]


@GROUP.recipe(
    "Something else instead of NULL",
    asks="How do I replace NULL with a default value (COALESCE)?",
    shows=("Coalesce", "COALESCE", "NULL", "default value", "Value"),
    notice="COALESCE gives the first of its arguments that is not NULL: the limit of a day, else "
    "that of one transfer, else 0.",
    pitfall="An empty text is not NULL and stays as it is. And a condition on COALESCE(…) is on an "
    "expression: an index on the column is no help to it.",
)
def limit_or_none(currency: str = "USD") -> QuerySet[Account, dict[str, object]]:
    """Each account's limit of a day, or of one transfer, or 0 where it has neither."""
    limit = Coalesce("daily_limit", "transfer_limit", Value(Decimal(0)))
    accounts = Account.objects.filter(currency=currency).annotate(limit=limit)
    shown = accounts.values("user__name", "name", "daily_limit", "transfer_limit", "limit")
    return shown.order_by("-limit", "user__email", "name")[:5]


@GROUP.recipe(
    "Pages with numbers",
    asks="How do I paginate a queryset?",
    shows=("Paginator", "get_page", "order_by", "slicing", "pagination", "pages", "OFFSET"),
    notice="Two queries: COUNT(*) for the number of pages, and the page by LIMIT and OFFSET. A "
    "page that does not exist becomes the last one: get_page() never fails.",
    pitfall="Postgres reads and throws away every row before the OFFSET, and counts all of them "
    "for each page. Where that hurts, page by key: see keyset.",
)
def page_of_payments(page: Annotated[int, Between(1, 200)] = 2) -> dict[str, object]:
    """One page of what was paid for groceries, the newest first."""
    groceries = Transaction.objects.filter(category="groceries").order_by("-created_at", "-pk")
    shown = Paginator(groceries, per_page=5).get_page(page)
    return {
        f"page {shown.number} of {shown.paginator.num_pages}": list(shown),
        "groceries in all": [shown.paginator.count],
    }
