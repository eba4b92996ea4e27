"""Recipes about changed types of columns, and about a cascade in the database."""

from typing import Any

from django.db import models
from django.db.migrations import AlterField, CreateModel, RunSQL
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_delete

from cookbook.recipes.databases import rows
from cookbook.recipes.migrations import GROUP, migrate, parcels
from cookbook.runner.steps import step


def file_of_parcels() -> int:
    (found,) = rows("SELECT pg_relation_filenode('shop_parcel') AS file")
    return int(found["file"])


@GROUP.recipe(
    "AlterField: which change writes all rows",
    asks="Which change of a column's type rewrites the whole table?",
    shows=(
        "AlterField",
        "ALTER COLUMN TYPE",
        "table rewrite",
        "change a column's type",
        "max_length",
        "BigIntegerField",
        "pg_relation_filenode",
    ),
    notice="A longer varchar, and text, store the same bytes, so Postgres changes only its "
    "catalogue. An integer needs 4 bytes and a bigint 8: Postgres writes the whole table to a new "
    "file and builds its indexes again. A shorter varchar is a rewrite too, because each value "
    "must be checked.",
    pitfall="Each change takes the ACCESS EXCLUSIVE lock, which stops reads and writes, but a "
    "rewrite keeps it until all rows are written. For a large table, add a column, fill it in "
    "batches, and exchange the two. A change that only Django knows, such as choices or help_text, "
    "sends no SQL.",
    own_database=True,
)
def types_by_alter_field() -> list[dict[str, Any]]:
    """Changes the types of two columns, and returns which changes make a new file of the table."""
    state, results = parcels(), []
    for title, name, field in (
        ("varchar(20) to varchar(40)", "code", models.CharField(max_length=40)),
        ("varchar(40) to text", "code", models.TextField()),
        ("text to varchar(10)", "code", models.CharField(max_length=10)),
        ("integer to bigint", "grams", models.BigIntegerField()),
    ):
        before = file_of_parcels()
        with step(title):
            state = migrate(state, AlterField("parcel", name, field))
        results.append({"change": title, "rewrites the table": file_of_parcels() != before})
    return results


CASCADE = """
    ALTER TABLE shop_coupon ADD FOREIGN KEY (basket_id)
        REFERENCES shop_basket ON DELETE CASCADE
"""


@GROUP.recipe(
    "DB_CASCADE: a cascade without signals",
    asks="Are signals sent when the database deletes the children (ON DELETE CASCADE)?",
    shows=(
        "DB_CASCADE",
        "ON DELETE CASCADE",
        "database-level cascade",
        "post_delete",
        "CASCADE",
        "DO_NOTHING",
        "db_constraint",
    ),
    notice="Items have on_delete=CASCADE: Django reads them, deletes them by a statement, and "
    "sends post_delete for each. Coupons have DO_NOTHING, and their foreign key has ON DELETE "
    "CASCADE: Postgres deletes them with the basket. Django sends no statement and no signal for "
    "them, and does not count them. From Django 6.1 on, on_delete=DB_CASCADE makes such a foreign "
    "key; before, RunSQL can.",
    pitfall="What depends on the children's signals is skipped: files, a search index, a log. "
    "Triggers of the database do run. A cascade in the database needs an index on the foreign "
    "key, or each delete reads the whole table.",
    own_database=True,
    created_by=CASCADE,
)
def basket_by_db_cascade() -> dict[str, Any]:
    """Deletes a basket with two items and two coupons, and returns the signals that were sent."""
    key = ("id", models.BigAutoField(primary_key=True))
    by_django = models.ForeignKey("shop.Basket", models.CASCADE)
    by_database = models.ForeignKey("shop.Basket", models.DO_NOTHING, db_constraint=False)
    with step("The tables"):
        state = migrate(
            ProjectState(),
            CreateModel("Basket", [key]),
            CreateModel("Item", [key, ("basket", by_django)]),
            CreateModel("Coupon", [key, ("basket", by_database)]),
            RunSQL(CASCADE),
        )
    basket, item, coupon = (
        state.apps.get_model("shop", name) for name in ("Basket", "Item", "Coupon")
    )
    full = basket.objects.create()
    for child in (item, coupon):
        child.objects.bulk_create([child(basket=full), child(basket=full)])
    received: list[str] = []

    def receive(sender: Any, **_signal: Any) -> None:
        received.append(sender.__name__)

    for sender in (basket, item, coupon):
        post_delete.connect(receive, sender=sender)
    with step("delete()"):
        deleted, _by_model = full.delete()
    for sender in (basket, item, coupon):
        post_delete.disconnect(receive, sender=sender)
    left = item.objects.count() + coupon.objects.count()
    return {"deleted": deleted, "signals": ", ".join(received), "children left": left}
