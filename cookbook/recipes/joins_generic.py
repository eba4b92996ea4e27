"""Recipes about a relation to any model, and about a list from a subquery."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.contrib.contenttypes.prefetch import GenericPrefetch
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import FieldError
from django.db.models import OuterRef, QuerySet

from accounts.models import Account, User
from cookbook.models import Remark
from cookbook.recipes.joins import GROUP
from cookbook.runner.steps import step
from transactions.models import Transaction


@GROUP.recipe(
    "GenericForeignKey: a row of any model",
    asks="How do I refer to a row of any model, and load these rows without N+1?",
    shows=(
        "GenericForeignKey",
        "GenericRelation",
        "contenttypes",
        "ContentType",
        "content_type",
        "object_id",
        "GenericPrefetch",
        "generic relation",
        "polymorphic",
    ),
    notice="The table has the id of a content type, which is the model, and the key of the row. "
    "Reading about for each remark sends a query per row. prefetch_related sends one query per "
    "model. GenericPrefetch gives the queryset for each model, here with few columns. The content "
    "types come from a cache of the process.",
    pitfall="The database cannot have a foreign key for it: a deleted row leaves its remarks "
    "behind, unless its model has a GenericRelation. filter(about__name=...) is a FieldError, and "
    "a query cannot join. All models need keys of one type. Where the models are known, several "
    "nullable foreign keys and a CheckConstraint are safer.",
    writes=True,
)
def remarks_by_generic_foreign_key() -> dict[str, Any]:
    """Writes remarks about accounts and a payment, and reads them in three ways."""
    accounts = list(Account.objects.order_by("number")[:2])
    payment = Transaction.objects.order_by("created_at").first()
    for about in (*accounts, payment):
        Remark.objects.create(about=about, text="Checked.")
    with step("One query per row"):
        kinds = [type(remark.about).__name__ for remark in Remark.objects.order_by("id")]
    with step("prefetch_related"):
        remarks = Remark.objects.order_by("id").prefetch_related("about")
        same = [type(remark.about).__name__ for remark in remarks]
    with step("GenericPrefetch"):
        few = [Account.objects.only("name"), Transaction.objects.only("description")]
        picked = Remark.objects.order_by("id").prefetch_related(GenericPrefetch("about", few))
        names = [
            getattr(row.about, "name", "") or getattr(row.about, "description", "")
            for row in picked
        ]
    with step("Of one row"):
        account = ContentType.objects.get_for_model(Account)
        found = Remark.objects.filter(content_type=account, object_id=accounts[0].pk).count()
    try:
        Remark.objects.filter(about__name="Travel")  # type: ignore[misc]
    except FieldError as error:
        refused = str(error).partition(".")[0]
    return {
        "kinds": kinds,
        "the same": same == kinds,
        "names": names,
        "of one account": found,
        "filter": refused,
    }


@GROUP.recipe(
    "ArraySubquery: a list of related values",
    asks="How do I get a list of the newest related rows for each row?",
    shows=("ArraySubquery", "ARRAY(SELECT …)", "OuterRef", "list from a subquery"),
    notice="ARRAY(SELECT …) collects the rows of a subquery into one array. Unlike ArrayAgg it "
    "needs no GROUP BY, so it can have its own order and LIMIT: here the three newest payments of "
    "each account. No row gives an empty list.",
    pitfall="The subquery runs for each row of the outer query: it needs an index for its "
    "condition and order. It must have one column; for several columns select a JSONObject.",
)
def newest_payments_by_array_subquery() -> QuerySet[Account, Any]:
    """Returns Ana's accounts, each with its three newest payments."""
    ana = User.objects.get(email="ana@example.com")
    sent = Transaction.objects.filter(from_account=OuterRef("pk")).order_by("-created_at")
    newest = ArraySubquery(sent.values("description")[:3])
    return ana.accounts.annotate(newest=newest).order_by("number").values("name", "newest")
