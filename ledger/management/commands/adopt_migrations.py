"""Changes the database of a bank from the old migrations to the current migrations: see
docs/migrations.md.
"""

from typing import Any

from django.apps import apps
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db import transaction as db_transaction
from django.db.backends.utils import CursorWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from ledger.db.migrating.older import COMMIT, FIRST, WORDS, is_older
from ledger.db.migrating.search_columns import rebuild_search, run_sql

OLD = {
    ("ledger_db", "0005_extensions"),
    ("accounts", "0043_tokens_stay_revoked"),
    ("transactions", "0073_lines_stay_while_asked"),
    ("explorer", "0003_runs_from_before"),
}
# For each app, the number of its last migration that the bank need not run, because the old
# migrations had the same result. `migrate` runs later migrations.
FRESH = {
    "accounts": 9,
    "alerts": 2,
    "annotations": 2,
    "attachments": 2,
    "categories": 1,
    "events": 2,
    "explorer": 2,
    "ledger_db": 4,
    "outside": 1,
    "payees": 1,
    "payment_files": 2,
    "reconciliation": 2,
    "standing_orders": 2,
    "statement_files": 2,
    "transactions": 4,
}
OLD_LABEL = "transactions"  # the app label that some features had before
# Changes after which the tables of COMMIT are like the current tables.
ALIKE = """
ALTER TABLE transactions VALIDATE CONSTRAINT captures_or_reverses;
ALTER TABLE monthly_statements ALTER COLUMN time_zone DROP DEFAULT;
ALTER TABLE users DROP CONSTRAINT user_times_finite, ADD CONSTRAINT user_times_finite CHECK (
    (created_at IS NULL OR created_at >= '1900-01-01Z' AND created_at < '9999-01-01Z')
    AND (deleted_at IS NULL OR deleted_at >= '1900-01-01Z' AND deleted_at < '9999-01-01Z')
    AND (last_login IS NULL OR last_login >= '1900-01-01Z' AND last_login < '9999-01-01Z')
)
"""
TRIGGERS = r"""
SELECT format('DROP TRIGGER %I ON %s; DROP FUNCTION %s', tgname, relname, tgfoid::regprocedure)
FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
WHERE tgname LIKE 'pgtrigger\_%' AND relnamespace = current_schema()::regnamespace
"""


class Command(BaseCommand):
    help = (
        f"Move a bank that ran all migrations of the commit {COMMIT} to the migrations of this"
        " code, that replace them. Its rows stay as they are. Stop all its processes first."
    )

    def handle(self, **_options: Any) -> None:
        """Changes the database in one transaction.

        Raises: CommandError if the bank has not run all old migrations.
        """
        recorder, loader = MigrationRecorder(connection), MigrationLoader(connection)
        applied = set(recorder.applied_migrations())
        fresh = {key for key in loader.disk_migrations if _is_fresh(*key)}
        if not is_older([".".join(key) for key in applied]):
            self.stdout.write("This bank needs no move. Run manage.py migrate, or prepare.")
            return
        is_new = tuple(FIRST.split(".")) in applied
        if not applied >= (fresh - {tuple(WORDS.split("."))} if is_new else OLD):
            raise CommandError(
                f"Nothing was changed: check out the commit {COMMIT}, and run manage.py migrate"
                " there first."
            )
        tables = loader.project_state(sorted(fresh))
        with db_transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
            if not is_new:
                cursor.execute(ALIKE)
                _recreate_triggers(cursor, tables)
                _update_labels(cursor)
                recorder.migration_qs.filter(app__in=FRESH).delete()
            run_sql(cursor, "ledger.db.migrations.0004_search_words")
            rebuild_search(cursor, tables)
            for app, name in sorted(fresh - applied if is_new else fresh):
                recorder.record_applied(app, name)
        call_command("migrate", verbosity=0)  # also writes table rights, groups and policies
        self.stdout.write("Moved. Now run manage.py prepare, and then manage.py audit_ledger.")


def _is_fresh(app: str, name: str) -> bool:
    return app in FRESH and int(name[:4]) <= FRESH[app]


def _recreate_triggers(cursor: CursorWrapper, tables: ProjectState) -> None:
    """Recreates the triggers, because the name of a trigger contains a digest of the app label."""
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    cursor.execute(TRIGGERS)
    for (drop,) in cursor.fetchall():
        cursor.execute(drop)
    for model in tables.models.values():
        for trigger in model.options.get("triggers", []):
            cursor.execute(trigger.install_sql)


def _update_labels(cursor: CursorWrapper) -> None:
    """Writes the new app labels into existing rows, so that permissions and the admin's log stay
    valid.
    """
    for model in apps.get_models():
        label = model._meta.app_label
        if label != OLD_LABEL and label in FRESH:
            cursor.execute(
                "UPDATE django_content_type SET app_label = %s WHERE app_label = %s AND model = %s",
                [label, OLD_LABEL, model._meta.model_name],
            )
