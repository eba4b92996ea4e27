"""Recipes about methods of a queryset: alias() and dates()."""

from typing import Annotated, Any, Literal

from django.db.models import Count, QuerySet

from accounts.models import User
from cookbook.models import Voucher
from cookbook.recipes.basics import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "alias(): an expression that is not selected",
    asks="How do I filter or sort by an expression without selecting it?",
    shows=("alias", "annotate", "HAVING", "expression without a column"),
    notice="alias() takes the same arguments as annotate(), and filter() and order_by() can use "
    "the name. The first query has COUNT() only in HAVING and ORDER BY, the second also in the "
    "list of columns, which Postgres sends for each row.",
    pitfall="The objects have no attribute of this name, and values() refuses it. To select it "
    'after all, use annotate(many=F("many")). Postgres must compute the value for the '
    "condition in both cases: alias() saves the column, not the work. values() with names leaves "
    "out an annotation too.",
)
def people_by_alias(least: Annotated[int, Between(1, 20)] = 2) -> dict[str, QuerySet[User, Any]]:
    """Returns people with several accounts, by alias() and by annotate()."""
    many = Count("accounts")
    people = User.objects.only("name")
    by_alias = people.alias(many=many).filter(many__gte=least)
    by_annotate = people.annotate(many=many).filter(many__gte=least)
    return {
        "alias": by_alias.order_by("-many", "email")[:3],
        "annotate": by_annotate.order_by("-many", "email")[:3],
    }


@GROUP.recipe(
    "dates(): the days, months or years with rows",
    asks="How do I list the months for which there are rows?",
    shows=("dates", "datetimes", "DATE_TRUNC", "months with rows", "archive by month"),
    notice="dates() returns each period once, as date objects: SELECT DISTINCT DATE_TRUNC(…). "
    "datetimes() does the same for a column with a time, in the current time zone, and also knows "
    "hours, minutes and seconds. order='DESC' begins with the newest.",
    pitfall="A month without rows is not in the list: make a complete list by generate_series(). "
    "dates() reads all matching rows to find the few periods. "
    "For totals by month use TruncMonth() and annotate().",
)
def periods_by_dates(
    kind: Literal["year", "month", "week", "day"] = "month",
) -> dict[str, list[Any]]:
    """Returns the periods in which vouchers were sold, and the hours of one day with payments."""
    with step("dates()"):
        sold = Voucher.objects.dates("sold_on", kind, order="DESC")
        periods = list(sold[:4])
    with step("datetimes()"):
        day = Transaction.objects.filter(created_at__date="2026-06-15")
        return {"dates": periods, "datetimes": list(day.datetimes("created_at", "hour"))}
