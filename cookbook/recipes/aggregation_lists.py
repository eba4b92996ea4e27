"""Recipes about aggregates that return lists, joined texts, JSON documents and percentiles."""

from typing import Any

import django
from django.contrib.postgres.aggregates import ArrayAgg, JSONBAgg
from django.db.models import Aggregate, Avg, Count, QuerySet, Value
from django.db.models.functions import JSONObject, Round

from accounts.models import Account, User
from cookbook.recipes.aggregation import GROUP
from transactions.models import Transaction

if django.VERSION < (6, 0):
    from django.contrib.postgres.aggregates import StringAgg

    COMMA: Any = ", "
else:
    from django.db.models import StringAgg  # type: ignore[assignment]

    COMMA = Value(", ")


@GROUP.recipe(
    "ArrayAgg: a list in each row",
    asks="How do I collect the values of a group into an array?",
    shows=("ArrayAgg", "array_agg", "distinct", "order_by", "group by", "list"),
    notice="With ARRAY_AGG(DISTINCT … ORDER BY …) Postgres makes and sorts the list. Django "
    "returns it as a Python list.",
    pitfall="Without order_by the order in the list is undefined. A person without an account "
    "gets a list with one None, because of the outer join: filter=Q(accounts__isnull=False) "
    "leaves it out.",
)
def currencies_of_people() -> QuerySet[User, Any]:
    """Returns the five people with the most accounts, each with a list of their currencies."""
    currencies = ArrayAgg("accounts__currency", distinct=True, order_by="accounts__currency")
    return (
        User.objects.values("name")
        .annotate(many=Count("accounts"), currencies=currencies)
        .order_by("-many", "email")[:5]
    )


@GROUP.recipe(
    "StringAgg: values joined with commas",
    asks="How do I join the values of a group with commas?",
    shows=("StringAgg", "string_agg", "delimiter", "order_by", "group by", "comma"),
    notice="STRING_AGG has an ORDER BY inside it, separate from the query's. The comma is a "
    'parameter. On Django 5.2 StringAgg is in django.contrib.postgres, and COMMA is ", "; from 6.0 '
    'on it is in django.db.models, and COMMA is Value(", ").',
    pitfall="Joined text is for display only. To use the values, take ArrayAgg: a comma inside a "
    "value looks like a separator.",
)
def owners_by_currency() -> QuerySet[Account, Any]:
    """Returns, for each currency, the owners of the accounts named Everyday as one text."""
    return (
        Account.objects.filter(name="Everyday")
        .values("currency")
        .annotate(owners=StringAgg("user__email", delimiter=COMMA, order_by="user__email"))
        .order_by("currency")
    )


@GROUP.recipe(
    "JSONBAgg: related rows as JSON",
    asks="How do I get each row with its related rows as JSON, in one query?",
    shows=("JSONBAgg", "JSONObject", "jsonb_agg", "order_by", "nested", "group by"),
    notice="JSONB_AGG makes one row for each person, with the accounts as JSON objects inside it. "
    "Python gets a list of dicts.",
    pitfall="An amount becomes a JSON number and is read as a float, which cannot hold every "
    "amount exactly: cast it to text first. Large documents need memory on the server.",
)
def people_with_accounts() -> QuerySet[User, Any]:
    """Returns people with several accounts in dollars, each with these accounts as JSON."""
    account = JSONObject(name="accounts__name", status="accounts__status")
    return (
        User.objects.filter(accounts__currency="USD")
        .annotate(many=Count("accounts"))
        .filter(many__gt=1)
        .values("name")
        .annotate(found=JSONBAgg(account, order_by="accounts__name"))
        .order_by("email")
    )


class Percentile(Aggregate):
    """The smallest value for which at least this fraction of all values is not larger."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: str, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


@GROUP.recipe(
    "PERCENTILE_DISC: the median",
    asks="How do I get the median or another percentile?",
    shows=("percentile", "Aggregate", "PERCENTILE_DISC", "median", "WITHIN GROUP", "custom"),
    notice="Django has no aggregate for percentiles, but one is easily made: an Aggregate with its "
    "own template. A few large amounts raise the average and leave the median as it is: see "
    "transport.",
    pitfall="PERCENTILE_CONT uses floating point, even for numeric: the median of amounts can be "
    "38369.449999999997. PERCENTILE_DISC returns one of the amounts, exact to the cent. And a "
    "template is not a parameter: never put user input there.",
)
def median_payments() -> QuerySet[Transaction, Any]:
    """Returns the average, median and 90th percentile of the dollar payments by category."""
    return (
        Transaction.objects.filter(currency="USD", type="withdrawal", status="completed")
        .values("category")
        .annotate(
            payments=Count("pk"),
            average=Round(Avg("amount"), precision=2),
            median=Percentile("amount", 0.5),
            ninth_tenth=Percentile("amount", 0.9),
        )
        .order_by("-payments")[:6]
    )
