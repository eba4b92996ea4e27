"""Django's command `migrate`, but only one process at a time can run it, and errors are messages
instead of tracebacks.

The command does not undo migrations if this may delete rows of a bank.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from django.apps import apps
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations import Migration
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.models.signals import pre_migrate

from ledger.backups.fixtures import rows_of_a_bank
from ledger.db import extensions
from ledger.db.apps import is_of_ledger
from ledger.db.locking.short_waits import TablesInUse, again_while_in_use, is_in_use
from ledger.db.migrating.going_back import Plan, lossy, reversed_migrations
from ledger.db.migrating.older import NOTHING_CHANGED, is_older
from ledger.db.migrating.states import without_rendering
from ledger.db.outages.probe import (
    applied_migrations,
    problem_with_writes,
    short_connection,
)
from ledger.db.read_router import READ
from ledger.db.retry import sqlstate
from ledger.db.rights.table_owner import problem_with_login
from ledger.db.server.creation import how_to_start_over
from ledger.logs.output import is_for_the_log
from transactions.row_security import installation as row_security

ONLY_READS = (
    "The database {} takes no writes. Run migrate without --database: it changes the writer, and"
    " replicas follow it."
)
ANOTHER_ENGINE = (
    "The database {alias} has the engine {engine}, and migrate works only with Ledger's engine."
    " Create its tables in its own project, and give their models managed = False here"
    " (docs/django.md)."
)

SECONDS_TO_CONNECT = 5
WAIT_SECONDS, PAUSE = 30 * 60, 0.2
OTHER_RUNS = "Another migrate is running on this database; this one continues when it has ended."
MIGRATING = 7_236_503  # the number of the advisory lock that a run keeps until it ends
TAKE = f"SELECT pg_try_advisory_xact_lock({MIGRATING})"
END_IT = f"""SELECT pg_terminate_backend(pid)
    FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE granted AND locktype = 'advisory' AND classid = 0 AND objid = {MIGRATING}
        AND datname = current_database()"""  # noqa: S608 - a number of this file
STILL_RUNS = (
    "Another session has had the lock of migrate for half an hour. Nothing was changed. If no"
    f" migrate runs, end it: {' '.join(END_IT.split())};"
)
# With these limits, the server would end the transaction that has the lock, because this
# transaction is idle until the run ends.
LIMITS = ("idle_in_transaction_session_timeout", "transaction_timeout")
# With this setting, the server detects after 30 seconds that the host of a run is lost.
DETECT_LOST_HOST = "SELECT set_config('tcp_keepalives_idle', '30', true)"
NO_LIMIT = "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = ANY(%s)"


class Command(Migrate):
    runs_unattended = True
    _running: Migration | None = None

    def handle(self, *arguments: Any, **options: Any) -> None:
        if options["database"] == READ:
            raise CommandError(ONLY_READS.format(READ))
        database = connections[options["database"]]
        if not is_of_ledger(database.settings_dict):
            engine = database.settings_dict["ENGINE"]
            raise CommandError(ANOTHER_ENGINE.format(alias=database.alias, engine=engine))
        try:
            with ExitStack() as lock:
                if not (options["plan"] or options["check_unapplied"]):
                    lock.enter_context(self._migrate_lock(options["database"]))
                again_while_in_use(partial(self._attempt, *arguments, **options))
        except InconsistentMigrationHistory as error:
            raise CommandError(_inconsistent(error, options["database"])) from error
        except TablesInUse as error:
            if self._running is None:
                raise CommandError(str(error)) from error
            raise self._failed(self._running, error) from error

    @contextmanager
    def _migrate_lock(self, using: str) -> Iterator[None]:
        """Keeps the lock of migrate during the block. Without the lock, two parallel runs could
        apply a migration twice, or replace a newer trigger with an older trigger.

        Raises CommandError if the server does not accept writes, or if the lock is not free after
        WAIT_SECONDS.
        """
        with short_connection(SECONDS_TO_CONNECT, using) as found:
            if problem := problem_with_writes(found):
                is_writer = using == DEFAULT_DB_ALIAS
                raise CommandError(problem if is_writer else ONLY_READS.format(using))
            found.execute(NO_LIMIT, [list(LIMITS)])
            found.execute(DETECT_LOST_HOST)
            deadline, is_reported = time.monotonic() + WAIT_SECONDS, False
            while found.execute(TAKE).fetchone() != (True,):
                if time.monotonic() > deadline:
                    raise CommandError(STILL_RUNS)
                if not is_reported:
                    self.stderr.write(OTHER_RUNS)
                    is_reported = True
                time.sleep(PAUSE)
            yield

    def _attempt(self, *arguments: Any, **options: Any) -> None:
        """Applies the missing migrations.

        Raises DatabaseError if other sessions used the tables of an atomic migration. The caller
        can then try again. Raises CommandError for other errors of a migration.
        """

        def check(*, plan: Plan, using: str, **_signal: Any) -> None:
            _refuse_loss(plan, fake=options["fake"])
            _require_owner(plan, connections[using])
            _require_extensions(connections[using])
            if not reversed_migrations(plan):
                quick.enter_context(without_rendering())

        self._running = None
        # Only this signal contains the plan. `accounts` is the first app of Ledger that receives
        # the signal.
        sender = apps.get_app_config("accounts")
        pre_migrate.connect(check, sender=sender, weak=False)
        try:
            with ExitStack() as quick:
                super().handle(*arguments, **options)
        except DatabaseError as error:
            if self._running is None or (self._running.atomic and is_in_use(error)):
                raise
            raise self._failed(self._running, error) from error
        finally:
            pre_migrate.disconnect(check, sender=sender)

    def _failed(self, migration: Migration, error: DatabaseError) -> CommandError:
        if self.verbosity:
            self.stdout.write("")  # ends the line "Applying ..."
        return CommandError(_failure(migration, error))

    def migration_progress_callback(
        self, action: str, migration: Migration | None = None, fake: bool = False
    ) -> None:
        super().migration_progress_callback(action, migration, fake)
        if action.endswith("_start"):
            self._running = migration
        elif action.endswith("_success"):
            self._running = None


def _refuse_loss(plan: Plan, *, fake: bool) -> None:
    """Raises CommandError if the bank has rows and undoing the migrations may delete some of them.
    Also raises CommandError if the policies of row-level security are installed.
    """
    back = reversed_migrations(plan)
    rows = rows_of_a_bank() if back else ""
    if not rows:
        return
    if (losing := lossy(plan)) and not fake:
        raise CommandError(
            f"Nothing was changed: this bank has {rows}, and undoing {losing[0]} may delete"
            " its data. Write a new migration instead, or restore a backup into a new"
            f" database. {how_to_start_over()}"
        )
    if row_security.is_installed():
        raise CommandError(
            "Nothing was changed: the policies of row-level security fit only the newest tables."
            " To go back, first run manage.py prepare with LEDGER_ROW_SECURITY=False."
        )


def _require_owner(plan: Plan, database: Any) -> None:
    """Raises CommandError if another role must own the tables that the migrations would create, or
    if they would be in another schema than `public`.
    """
    if plan and (problem := problem_with_login(database)):
        raise CommandError(problem)


def _require_extensions(database: Any) -> None:
    """Raises CommandError, before the first migration runs, if the server does not have a required
    extension.
    """
    database.ensure_connection()
    found = extensions.missing_extensions(
        database.raw,
        migrated=extensions.MIGRATION in applied_migrations(database.raw),
        embedded=bool(database.embedded_server),
    )
    for what, do in found:
        raise CommandError(f"Nothing was changed: {what} {do}")


def _inconsistent(error: InconsistentMigrationHistory, using: str) -> str:
    database: Any = connections[using]
    if is_older(applied_migrations(database.raw)):
        return NOTHING_CHANGED
    return f"{error} docs/migrations.md explains what to do."


def _failure(migration: Migration, error: DatabaseError) -> str:
    """Returns a message with the failed migration, the reason, and which of its changes remain."""
    left = (
        "Nothing of it is left"
        if migration.atomic
        else "It is not atomic, so a part of it may be there"
    )
    then = "the migrations before it are done. docs/migrations.md explains how to continue."
    if is_in_use(error):
        return f"{migration} gave up, because others use its tables. {left}, and {then}"
    # The message of the error may contain a value of a row.
    reason = (
        f"SQLSTATE {sqlstate(error)}" if is_for_the_log() else str(error).strip().splitlines()[0]
    )
    return f"{migration} failed: {reason}. {left}, and {then}"
