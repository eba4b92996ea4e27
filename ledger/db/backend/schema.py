"""A schema editor that limits how long a migration waits for a table.

Note [Lock-safe migrations]: ALTER TABLE waits for all sessions that use the table, and all later
sessions wait behind the ALTER TABLE. Therefore a migration waits for at most LEDGER_LOCK_TIMEOUT,
like a payment. Then the migration is rolled back, and `migrate` tries again: see Note [Short
waits]. A migration that is not atomic waits without a limit, because CREATE INDEX CONCURRENTLY does
not block other sessions.
"""

from typing import Self

from django.db.backends.postgresql import schema
from django.db.backends.postgresql.psycopg_any import sql


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    def __enter__(self) -> Self:
        found = super().__enter__()
        seconds = self.connection.settings_dict.get("LEDGER_MIGRATION_LOCK_TIMEOUT")
        if self.atomic_migration and not self.collect_sql and seconds:
            with self.connection.cursor() as cursor:
                cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(f"{seconds}s"))
        return found
