"""Which migrations may be taken back on a bank with rows."""

import pytest
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.migrations.operations.base import Operation

from ledger.db.migrating.going_back import lossy, reversed_migrations

POSITIVE = models.CheckConstraint(condition=models.Q(size__gt=0), name="size_positive")
INDEX = models.Index("size", name="by_size")
NOOP = migrations.RunPython.noop
COLUMN = migrations.AddField("thing", "size", models.IntegerField(null=True))


def of(*operations: Operation, app: str = "accounts") -> migrations.Migration:
    facts = {"operations": list(operations), "__module__": f"{app}.migrations.0001_planted"}
    kind = type("Migration", (migrations.Migration,), facts)
    migration: migrations.Migration = kind("0001_planted", app)
    return migration


@pytest.mark.parametrize(
    "operation",
    [
        migrations.CreateModel("Thing", [("id", models.UUIDField(primary_key=True))]),
        COLUMN,
        migrations.AlterField("thing", "size", models.IntegerField()),
        migrations.RunPython(NOOP, lambda _apps, _editor: None),
        migrations.RunSQL("CREATE TABLE things ()", "DROP TABLE things"),
        migrations.SeparateDatabaseAndState(database_operations=[COLUMN]),
    ],
)
def test_what_may_delete_rows_or_values_is_found(operation: Operation) -> None:
    migration = of(migrations.AddIndex("thing", INDEX), operation)
    assert lossy([(migration, True)]) == [migration]
    assert lossy([(migration, False)]) == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.AddConstraint("thing", POSITIVE),
        AddConstraintNotValid("thing", POSITIVE),
        ValidateConstraint("thing", "size_positive"),
        migrations.AddIndex("thing", INDEX),
        AddIndexConcurrently("thing", INDEX),
        migrations.AlterModelOptions("thing", {}),
        migrations.RunPython(NOOP, NOOP),
        migrations.RunSQL("UPDATE things SET size = 1", migrations.RunSQL.noop),
        migrations.SeparateDatabaseAndState(state_operations=[COLUMN]),
    ],
)
def test_rules_and_indexes_may_go(operation: Operation) -> None:
    migration = of(operation)
    assert lossy([(migration, True)]) == []
    assert reversed_migrations([(migration, True), (of(), False)]) == [migration]


def test_an_app_that_was_added_may_go_back_to_zero() -> None:
    """Its tables hold nothing of the books."""
    migration = of(COLUMN, app="polls")
    assert lossy([(migration, True)]) == []
