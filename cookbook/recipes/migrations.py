"""Recipes about operations of migrations: indexes and constraints without long locks, data, and the
state that Django knows.
"""

from datetime import UTC, datetime
from typing import Any

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    CreateCollation,
    RemoveCollation,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import DatabaseError, NotSupportedError, connection, models
from django.db.migrations import (
    AddConstraint,
    AddField,
    AddIndex,
    CreateModel,
    Migration,
    RunPython,
    RunSQL,
    SeparateDatabaseAndState,
)
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState, StateApps
from django.db.models import Func, Q
from django.db.models.functions import Cast

from cookbook.recipe import RecipeGroup
from cookbook.recipes.databases import rows
from cookbook.runner.steps import step

GROUP = RecipeGroup(
    "migrations",
    "Migrations and extensions",
    "Operations of migrations, and what extensions of Postgres add. Most of these recipes run in a "
    "database that is created for the page and dropped afterwards.",
)


def migrate(state: ProjectState, *operations: Operation, atomic: bool = True) -> ProjectState:
    """Applies operations as a migration of an app "shop", and returns the new state."""
    migration: Any = Migration("0001_example", "shop")
    migration.operations, migration.atomic = list(operations), atomic
    with connection.schema_editor(atomic=atomic) as editor:
        return migration.apply(state.clone(), editor)


def refusal(state: ProjectState, *operations: Operation, atomic: bool = True) -> str:
    """Applies operations, and returns the first line of the error."""
    try:
        migrate(state, *operations, atomic=atomic)
    except (DatabaseError, NotSupportedError) as error:
        return str(error).splitlines()[0]
    return ""


def parcels() -> ProjectState:
    """Creates a table with three parcels. The weight of the last parcel is wrong."""
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("code", models.CharField(max_length=20)),
        ("grams", models.IntegerField()),
    ]
    with step("The table"):
        state = migrate(ProjectState(), CreateModel("Parcel", fields))
        parcel: Any = state.apps.get_model("shop", "Parcel")
        values = (("A1", 250), ("A2", 900), ("B7", -1))
        parcel.objects.bulk_create(parcel(code=code, grams=grams) for code, grams in values)
    return state


@GROUP.recipe(
    "AddIndexConcurrently: no lock for writes",
    asks="How do I add an index to a large table while people write to it?",
    shows=(
        "AddIndexConcurrently",
        "RemoveIndexConcurrently",
        "CREATE INDEX CONCURRENTLY",
        "atomic = False",
        "invalid index",
    ),
    notice="AddIndex locks the table against writes until the index is built. "
    "AddIndexConcurrently sends CREATE INDEX CONCURRENTLY, which lets others write. Postgres "
    "permits this only outside a transaction, so the migration needs atomic = False. Without it "
    "Django refuses the operation before any SQL of the index.",
    pitfall="A statement that fails, as here for a code that is not a number, leaves an invalid "
    "index: writes update it, and no query uses it. Drop it and try again. Put nothing else into "
    "the migration, because without a transaction nothing is rolled back.",
    own_database=True,
)
def index_by_add_index_concurrently() -> dict[str, list[Any]]:
    """Adds an index in a transaction, outside a transaction, and one that fails."""
    state = parcels()
    index = models.Index(fields=["grams"], name="parcel_grams")
    number = models.Index(Cast("code", models.IntegerField()), name="parcel_number")
    with step("In a transaction"):
        refused = refusal(state, AddIndexConcurrently("parcel", index))
    with step("With atomic = False"):
        state = migrate(state, AddIndexConcurrently("parcel", index), atomic=False)
    with step("An index that fails"):
        failed = refusal(state, AddIndexConcurrently("parcel", number), atomic=False)
        found = rows(
            "SELECT relname AS index, indisvalid AS is_valid FROM pg_index"
            " JOIN pg_class ON pg_class.oid = indexrelid"
            " WHERE indrelid = 'shop_parcel'::regclass ORDER BY relname"
        )
    with step("Remove both"):
        migrate(state, RunSQL("DROP INDEX CONCURRENTLY parcel_number"), atomic=False)
        migrate(state, RemoveIndexConcurrently("parcel", "parcel_grams"), atomic=False)
    return {"errors": [refused, failed], "indexes before the removal": found}


@GROUP.recipe(
    "ValidateConstraint: NOT VALID, then VALIDATE",
    asks="How do I add a constraint to a large table without a long lock?",
    shows=(
        "ValidateConstraint",
        "AddConstraintNotValid",
        "NOT VALID",
        "VALIDATE CONSTRAINT",
        "convalidated",
        "lock-safe migration",
    ),
    notice="AddConstraint reads all rows while a lock stops all reads and writes. "
    "AddConstraintNotValid takes the same lock only for a moment: it reads no row, and applies to "
    "new and changed rows. ValidateConstraint then reads the rows under a lock that permits reads "
    "and writes.",
    pitfall="Put the two operations into two migrations: in one transaction the first lock lasts "
    "until the second operation ends. Rows that break the rule make ValidateConstraint fail, so "
    "correct them between the two. AddConstraintNotValid accepts only a CheckConstraint.",
    own_database=True,
)
def parcels_by_validate_constraint() -> dict[str, Any]:
    """Adds a constraint that one row breaks, corrects the row, and validates the constraint."""
    state = parcels()
    positive = models.CheckConstraint(condition=Q(grams__gt=0), name="grams_positive")
    with step("NOT VALID"):
        state = migrate(state, AddConstraintNotValid("parcel", positive))
    parcel: Any = state.apps.get_model("shop", "Parcel")
    with step("A new row"):
        try:
            parcel.objects.create(code="C3", grams=-5)
        except DatabaseError as error:
            new_row = str(error).splitlines()[0]
    with step("VALIDATE, too early"):
        too_early = refusal(state, ValidateConstraint("parcel", "grams_positive"))
    with step("Correct the rows, and VALIDATE"):
        corrected = parcel.objects.filter(grams__lte=0).update(grams=1)
        migrate(state, ValidateConstraint("parcel", "grams_positive"))
    (found,) = rows("SELECT convalidated FROM pg_constraint WHERE conname = 'grams_positive'")
    return {"new row": new_row, "too early": too_early, "corrected": corrected, **found}


@GROUP.recipe(
    "SeparateDatabaseAndState: what Django knows",
    asks="How do I make Django know a change that the database already has?",
    shows=(
        "SeparateDatabaseAndState",
        "state_operations",
        "database_operations",
        "RunSQL",
        "ProjectState",
    ),
    notice="Somebody has created the index by hand. AddIndex would create it again, and Postgres "
    "refuses. With state_operations only the state changes: makemigrations then finds no "
    "difference to the model. The database_operations are for databases without the index, such "
    "as that of the tests.",
    pitfall="Django does not check that both parts have the same effect. A wrong state becomes "
    "visible later, when another migration changes or drops what is not there. Compare with "
    "sqlmigrate and \\d of psql.",
    own_database=True,
)
def index_by_separate_database_and_state() -> dict[str, Any]:
    """Adopts an index that was created by hand. AddIndex fails, SeparateDatabaseAndState works."""
    state = parcels()
    index = models.Index(fields=["grams"], name="parcel_grams")
    create = "CREATE INDEX IF NOT EXISTS parcel_grams ON shop_parcel (grams)"
    with connection.cursor() as cursor:
        cursor.execute(create)
    with step("AddIndex"):
        refused = refusal(state, AddIndex("parcel", index))
    with step("SeparateDatabaseAndState"):
        state = migrate(
            state,
            SeparateDatabaseAndState(
                database_operations=[RunSQL(create, "DROP INDEX parcel_grams")],
                state_operations=[AddIndex("parcel", index)],
            ),
        )
    known = [index.name for index in state.models["shop", "parcel"].options["indexes"]]
    return {"AddIndex": refused, "indexes in the state": known}


def fill_kilograms(apps: StateApps, _editor: Any) -> None:
    parcel: Any = apps.get_model("shop", "Parcel")
    parcel.objects.filter(grams__gte=0).update(kilograms=Cast("grams", models.FloatField()) / 1000)


@GROUP.recipe(
    "RunPython: change data in a migration",
    asks="How do I write a data migration?",
    shows=("RunPython", "data migration", "apps.get_model", "reverse_code", "RunPython.noop"),
    notice="fill_kilograms gets the models as they are at this point of the history, by "
    "apps.get_model(): an import would give the newest model, whose columns may not exist yet. "
    "One UPDATE changes all rows. With reverse_code the migration can be undone.",
    pitfall="A historical model has the fields, but no methods, no own save() and only managers "
    "with use_in_migrations. In Postgres the operations of a migration are one transaction, so its "
    "locks last until the end. For a large table use a separate migration with atomic = False, "
    "and batches.",
    own_database=True,
)
def kilograms_by_run_python() -> dict[str, Any]:
    """Adds a column and fills it by a function."""
    state = parcels()
    with step("AddField"):
        state = migrate(state, AddField("parcel", "kilograms", models.FloatField(null=True)))
    with step("RunPython"):
        state = migrate(state, RunPython(fill_kilograms, reverse_code=RunPython.noop))
    parcel: Any = state.apps.get_model("shop", "Parcel")
    return {
        "parcels": list(parcel.objects.order_by("code").values("code", "grams", "kilograms")),
        "module of the model": [parcel.__module__],
    }


@GROUP.recipe(
    "CreateCollation: an order with a name",
    asks="How do I create a collation in a migration and use it for a column?",
    shows=("CreateCollation", "RemoveCollation", "CREATE COLLATION", "db_collation", "provider"),
    notice="The collation compares bytes, as C does, so Z comes before a. A field refers to it by "
    "db_collation, and an index of the column then has the same order. On a server with ICU, "
    'provider="icu", locale="und-u-ks-level2" and deterministic=False make a collation that '
    "ignores case. Ledger's embedded server has no ICU.",
    pitfall="RemoveCollation fails while a column uses the collation: remove it from the column "
    "in an earlier operation. After a new version of the operating system's library, an order can "
    "differ, and the indexes of the columns must be rebuilt (REINDEX). C never changes.",
    own_database=True,
)
def names_by_create_collation() -> dict[str, Any]:
    """Creates a collation and a column that uses it. Returns the order of three names."""
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.CharField(max_length=20, db_collation="by_bytes")),
    ]
    with step("CreateCollation"):
        state = migrate(
            ProjectState(),
            CreateCollation("by_bytes", provider="libc", locale="C"),
            CreateModel("Shop", fields),
        )
    shop: Any = state.apps.get_model("shop", "Shop")
    shop.objects.bulk_create(shop(name=name) for name in ("apple", "Zoo", "berry"))
    in_order = list(shop.objects.order_by("name").values_list("name", flat=True))
    with step("RemoveCollation"):
        refused = refusal(state, RemoveCollation("by_bytes", provider="libc", locale="C"))
    return {"in order": in_order, "while a column uses it": [refused]}


class TsTzRange(Func):
    """A range from two columns with times: TsTzRange("since", "until", RangeBoundary())."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


@GROUP.recipe(
    "RangeBoundary: a range from two columns",
    asks="How do I forbid overlaps if start and end are two columns?",
    shows=("RangeBoundary", "ExclusionConstraint", "tstzrange", "start and end", "overlap"),
    notice="The constraint builds a range of the two columns. RangeBoundary() is '[)': the start "
    "belongs to it, the end does not, so the second booking may begin when the first ends. The "
    "third overlaps, and Postgres refuses it with 23P01.",
    pitfall="With inclusive_upper=True two bookings that touch would overlap. A start after its "
    "end is an error of the function (22000). A query uses the constraint's index only with the "
    "same expression: filter on TsTzRange(...), not on the two columns.",
    own_database=True,
)
def bookings_by_range_boundary() -> dict[str, Any]:
    """Stores two bookings that touch, and tries to store one that overlaps."""
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("id", models.BigAutoField(primary_key=True)),
        ("since", models.DateTimeField()),
        ("until", models.DateTimeField()),
    ]
    during = TsTzRange("since", "until", RangeBoundary())
    no_overlap = ExclusionConstraint(
        name="no_overlap", expressions=[(during, RangeOperators.OVERLAPS)]
    )
    state = migrate(
        ProjectState(), CreateModel("Booking", fields), AddConstraint("booking", no_overlap)
    )
    booking: Any = state.apps.get_model("shop", "Booking")
    hours = {hour: datetime(2026, 6, 15, hour, tzinfo=UTC) for hour in (9, 10, 11, 12)}
    with step("They touch"):
        booking.objects.create(since=hours[9], until=hours[10])
        booking.objects.create(since=hours[10], until=hours[12])
    with step("They overlap"):
        try:
            booking.objects.create(since=hours[11], until=hours[12])
        except DatabaseError as error:
            refused = str(error).splitlines()[0]
    return {"bookings": booking.objects.count(), "refused": refused}
