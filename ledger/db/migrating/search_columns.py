"""Rebuilds the search columns of all tables."""

from importlib import import_module

from django.core.management.base import CommandError
from django.db import DatabaseError, connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.operations import RunSQL
from django.db.migrations.state import ProjectState

WITH_POLICIES = (
    "Nothing was changed: first remove the policies of row-level security. For this, run"
    " LEDGER_ROW_SECURITY=False manage.py prepare in the version of Ledger that the bank used last."
    " Then run this command again, and manage.py prepare."
)


def rebuild_search(cursor: CursorWrapper, tables: ProjectState) -> None:
    """Creates the columns and indexes of Note [Words] again. Until the transaction ends, all tables
    with a text search are locked. Afterwards, grant the roles their rights to the view `entries`
    and to these columns again.

    Raises CommandError if the policies of row-level security are installed or another view reads
    one of the columns.
    """
    cursor.execute("SELECT to_regnamespace('row_security') IS NOT NULL")
    if cursor.fetchone() == (True,):
        raise CommandError(WITH_POLICIES)
    models = [
        model for model in tables.apps.get_models() if model._meta.managed and not model._meta.proxy
    ]
    columns = [
        (model, column)
        for model in models
        for column in model._meta.local_fields
        if column.name == "search" and column.generated
    ]
    try:
        cursor.execute("DROP VIEW entries")
        for model, _column in columns:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} DROP COLUMN search")
    except DatabaseError as error:
        reason = " ".join(str(error).partition("HINT")[0].split())
        raise CommandError(f"Nothing was changed: remove your own views first: {reason}") from None
    with connection.schema_editor(atomic=False) as editor:
        for model, column in columns:
            editor.add_field(model, column)
        for model in models:
            for index in model._meta.indexes:
                if index.name.endswith("_search"):
                    cursor.execute(f"DROP INDEX IF EXISTS {index.name}")
                    editor.add_index(model, index)
    run_sql(cursor, "transactions.migrations.0002_entries", first_only=True)


def run_sql(cursor: CursorWrapper, migration: str, *, first_only: bool = False) -> None:
    """Executes the SQL operations of a migration, or only the first SQL operation."""
    operations = import_module(migration).Migration.operations
    statements = [str(each.sql) for each in operations if isinstance(each, RunSQL)]
    for statement in statements[:1] if first_only else statements:
        cursor.execute(statement)
