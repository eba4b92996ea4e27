"""Recipes about relations in both directions, and about lookups across relations."""

from datetime import date
from typing import Any, Literal

from django.db.models import QuerySet

from accounts.models import Account
from cookbook.recipes.joins import GROUP
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "ForeignKey: related_name, in both directions",
    asks="How do I define relationships between models, and follow them in both directions?",
    shows=(
        "ForeignKey",
        "foreign key",
        "related_name",
        "relationships",
        "reverse relation",
        "choice_set",
        "one to many",
        "many to one",
        "OneToOneField",
        "one to one",
    ),
    notice="Account.user is a ForeignKey with related_name='accounts': the column user_id. "
    "account.user sends a SELECT when it is first read; owner.accounts is a manager with filter() "
    "and count(). Transaction has two foreign keys to Account, so each needs its own "
    "related_name: sent and received.",
    pitfall="A OneToOneField is a ForeignKey with a unique column, and its reverse relation is one "
    "row. Without related_name the reverse relation is account_set, as choice_set in Django's own "
    "tutorial, and two foreign keys to one model clash (fields.E304). account.user.pk may send a "
    "query only to read an id that the row already has: account.user_id.",
)
def relations_of_an_account(
    name: Literal["Everyday", "Savings", "Travel"] = "Everyday",
) -> dict[str, Any]:
    """Returns the owner of an account, all accounts of the owner, and counts of payments."""
    account = Account.objects.get(user__email="ana@example.com", name=name)
    with step("Forward: the one row that it points to"):
        owner = account.user
    with step("Backward: the rows that point to it"):
        accounts = owner.accounts.order_by("name").values_list("name", flat=True)
        names = ", ".join(accounts)
    with step("Backward, by each of two foreign keys"):
        counts = {"sent": account.sent.count(), "received": account.received.count()}
    return {"owner": owner.name, "the owner's accounts": names, **counts}


@GROUP.recipe(
    "Double underscore: lookups across relations",
    asks="What does the double underscore in filter() mean, and how far does it go?",
    shows=(
        "double underscore",
        "lookups across relations",
        "span relations",
        "field lookup",
        "join",
        "transform",
    ),
    notice="From left to right: relations, then a field, then transforms, then a lookup. "
    "from_account__user__email follows two foreign keys, so there are two joins. "
    "created_at__date__gte is a cast and then >=. Without a lookup it is exact: =.",
    pitfall="A misspelt name raises FieldError only where the query is built, so test each filter. "
    "And over a to-many relation, such as accounts__sent, a row is returned once for every related "
    "row that matches.",
)
def large_payments_into(
    name: Literal["Savings", "Travel"] = "Savings", since: date = date(2026, 1, 1)
) -> QuerySet[Transaction, Any]:
    """Returns Ana's transfers into one of her accounts, by conditions on three tables."""
    return (
        Transaction.objects.filter(
            amount__gte=100,
            created_at__date__gte=since,
            from_account__user__email="ana@example.com",
            to_account__name=name,
        )
        .order_by("created_at")
        .values("value_date", "amount", "from_account__name", "to_account__user__name")[:10]
    )
