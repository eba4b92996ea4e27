"""Finds migrations whose reversal may delete data of a bank."""

from collections.abc import Iterator, Sequence

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations
from django.db.migrations import operations as of_django
from django.db.migrations.operations.base import Operation
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from ledger.db.read_router import is_added

# When these operations are undone, they change rules and indexes, but never rows. This is also true
# for their subclasses, such as AddIndexConcurrently and AddConstraintNotValid.
KEEP_ROWS = (
    AddTrigger,
    RemoveTrigger,
    of_django.AddConstraint,
    of_django.AddIndex,
    of_django.AlterModelManagers,
    of_django.AlterModelOptions,
    of_django.RemoveConstraint,
    of_django.RemoveIndex,
    of_django.RenameIndex,
    ValidateConstraint,
)
Plan = Sequence[tuple[migrations.Migration, bool]]


def reversed_migrations(plan: Plan) -> list[migrations.Migration]:
    """Returns the migrations that Django's plan undoes."""
    return [migration for migration, backwards in plan if backwards]


def lossy(plan: Plan) -> list[migrations.Migration]:
    """Returns the migrations that `plan` undoes and that delete a table or a column, or run code
    that may delete values. Skips migrations of added apps, because their developers decide what the
    tables contain.
    """
    return [
        each
        for each in reversed_migrations(plan)
        if not is_added(each.__module__) and not all(map(_keeps_rows, _database_side(each)))
    ]


def _database_side(migration: migrations.Migration) -> Iterator[Operation]:
    """Yields the operations that change the database, not only Django's state."""
    for operation in migration.operations:
        if isinstance(operation, of_django.SeparateDatabaseAndState):
            yield from operation.database_operations
        else:
            yield operation


def _keeps_rows(operation: Operation) -> bool:
    if isinstance(operation, of_django.RunPython):
        return operation.reverse_code is of_django.RunPython.noop
    if isinstance(operation, of_django.RunSQL):
        return operation.reverse_sql == of_django.RunSQL.noop
    return isinstance(operation, KEEP_ROWS)
