"""Which migrations, taken back, may delete what a bank holds."""

from collections.abc import Iterator, Sequence

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations
from django.db.migrations import operations as of_django
from django.db.migrations.operations.base import Operation
from pgtrigger.migrations import AddTrigger, RemoveTrigger

from ledger.db.read_router import is_added

# Taken back, these change rules and indexes, never a row. Their subclasses, such as
# AddIndexConcurrently and AddConstraintNotValid, are the same.
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


def taken_back(plan: Plan) -> list[migrations.Migration]:
    """The migrations that this plan of Django's takes back."""
    return [migration for migration, backwards in plan if backwards]


def lossy(plan: Plan) -> list[migrations.Migration]:
    """Those of them that delete a table or a column, or run code that may delete values. Apps that
    were added to Ledger are left out: their developers decide what their tables hold.
    """
    return [
        each
        for each in taken_back(plan)
        if not is_added(each.__module__) and not all(map(_keeps_rows, _database_side(each)))
    ]


def _database_side(migration: migrations.Migration) -> Iterator[Operation]:
    """What it does to the database, without what it only notes."""
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
