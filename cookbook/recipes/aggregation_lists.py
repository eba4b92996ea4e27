"""Aggregation, continued: rows into lists, texts and documents, and what lies in the middle."""

from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg, JSONBAgg, StringAgg
from django.db.models import Aggregate, Avg, Count, QuerySet
from django.db.models.functions import JSONObject, Round

from accounts.models import Account, User
from cookbook.recipes.aggregation import GROUP
from transactions.models import Transaction


@GROUP.recipe(
    "A list in each row",
    asks="How do I collect the values of a group into an array?",
    shows=("ArrayAgg", "array_agg", "distinct", "order_by", "group by", "list"),
    notice="ARRAY_AGG(DISTINCT … ORDER BY …): the list is made and sorted in Postgres, and comes "
    "as a Python list.",
    pitfall="Without order_by the order in the list is anybody's guess. A person without an "
    "account gets a list with one None in it, from the outer join: "
    "filter=Q(accounts__isnull=False) leaves it out.",
)
def currencies_of_people() -> QuerySet[User, Any]:
    """The currencies in which the five people with the most accounts have them."""
    currencies = ArrayAgg("accounts__currency", distinct=True, order_by="accounts__currency")
    return (
        User.objects.values("name")
        .annotate(many=Count("accounts"), currencies=currencies)
        .order_by("-many", "email")[:5]
    )


@GROUP.recipe(
    "A text in each row",
    asks="How do I join the values of a group with commas?",
    shows=("StringAgg", "string_agg", "delimiter", "order_by", "group by", "comma"),
    notice="STRING_AGG with its own ORDER BY, next to the group's. The comma is a parameter.",
    pitfall="Joined text is for reading only. To go on working with the values take ArrayAgg: "
    "a comma inside a value cannot be told from one between two.",
)
def owners_by_currency() -> QuerySet[Account, Any]:
    """Who has an account for everyday use, currency by currency."""
    return (
        Account.objects.filter(name="Everyday")
        .values("currency")
        .annotate(owners=StringAgg("user__email", delimiter=", ", order_by="user__email"))
        .order_by("currency")
    )


@GROUP.recipe(
    "A document in each row",
    asks="How do I get each row with its related rows as JSON, in one query?",
    shows=("JSONBAgg", "JSONObject", "jsonb_agg", "order_by", "nested", "group by"),
    notice="JSONB_AGG of JSONB objects: one row a person, the accounts inside it. "
    "Python gets lists of dicts.",
    pitfall="Money becomes a JSON number and comes back as a float, which cannot hold every "
    "amount: cast it to text first. Large documents are built in the server's memory.",
)
def people_with_accounts() -> QuerySet[User, Any]:
    """The accounts of people in dollars who have more than one, inside each person's row."""
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
    """The smallest value that at least this fraction of all values does not exceed."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"

    def __init__(self, expression: str, fraction: float, **extra: Any) -> None:
        super().__init__(expression, fraction=float(fraction), **extra)


@GROUP.recipe(
    "The middle, not the average",
    asks="How do I get the median or another percentile?",
    shows=("percentile", "Aggregate", "PERCENTILE_DISC", "median", "WITHIN GROUP", "custom"),
    notice="Django has no percentile: an Aggregate with a template of its own is all it takes. "
    "A few large amounts pull an average up and leave the median where it is: see transport.",
    pitfall="PERCENTILE_CONT works in floating point, also on numeric: the median of amounts can "
    "come back as 38369.449999999997. PERCENTILE_DISC picks one of the amounts, to the cent. "
    "And what stands in a template is not a parameter: put nothing there that somebody typed.",
)
def median_payments() -> QuerySet[Transaction, Any]:
    """The average, the median and the ninth tenth of what was paid in dollars."""
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
