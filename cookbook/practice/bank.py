"""The practice bank: a complete copy of Ledger in a separate schema. Recipes run in this schema.

The tables are copied from the real bank without rows, but with every constraint and trigger. The
services of the demo insert rows up to a fixed day, so the rows are the same on every machine. The
role of the cookbook has rights only in this schema, and no rights to the real tables. Recipes that
commit use a few separate scratch schemas.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.contrib.contenttypes.models import ContentType
from django.db import ProgrammingError, connection
from django.db import transaction as db_transaction

from accounts.groups import PERMISSIONS, ensure_groups
from accounts.models import Currency
from cookbook.models import SCRATCH_MODELS, WITHOUT_CREATE_MODEL
from cookbook.practice import reminders, visits, vouchers
from cookbook.practice.readiness import (
    BUILDING,
    ENDS,
    MONTHS,
    NO_RIGHT,
    NO_SESSION,
    NOT_GRANTED,
    NOT_MIGRATED,
    SCHEMA,
    SCRATCH,
    SEED,
    USERS,
    NoPracticeBank,
    comment,
    is_current,
)
from cookbook.practice.schema_copy import copy_schema
from ledger.db import extensions
from ledger.db.outages.probe import unapplied_migrations
from ledger.db.read_router import is_added
from ledger.db.retry import sqlstate
from ledger.db.server import pooler
from transactions.demo import seeding

REAL = "public"  # the schema of the real bank
DRAFT = "practice_draft"
WITHOUT_MODELS = {"django_migrations", "cache", "fact_keys", "writer_mark"}
# Rights of the cookbook's role in the practice bank.
RIGHTS = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"
# The tables that exercises use. The explorer's role may read them, because answers run as this
# role: see Note [The role of an answer] in `cookbook.exercises.checking`.
OF_EXERCISES = ("accounts", "entries", "transactions", "users", "visits", "vouchers")
LOCKS_HERE = 7_205_759_410_000_000  # is added to the numbers of the real bank's advisory locks
NUMBERED_LOCK = r"(pg_advisory_\w+\()(\d+)(?=\))"


def build(*, begin: Callable[[], object] = lambda: None) -> bool:
    """Builds the practice bank, or rebuilds it if the code has changed. Returns False if the
    practice bank was already up to date.

    Must be called as the owner of the tables and outside a transaction. Calls `begin` before the
    work starts. From then on, other processes can see that the bank is being built.

    Raises: NoPracticeBank if the role of the cookbook, the right to create schemas or a migration
    is missing, or if the connection goes through a pooler.
    """
    _check_role()
    _check_session()
    with _as_only_builder():
        _drop(DRAFT)  # left over from a build that was interrupted
        if is_current():
            _grant_to_explorer()  # the role may be newer than the practice bank
            return False
        begin()
        _check_migrations()
        try:
            with _first_in_path(_create_schema(DRAFT)):
                _make_tables()
                _fill()
            _vacuum(DRAFT)
            _replace_practice_bank()
        except ProgrammingError as error:
            if sqlstate(error) != NO_RIGHT:
                raise
            raise NoPracticeBank(
                f"The cookbook must create schemas, but Postgres refused: {error}"
            ) from error
        finally:
            _drop(DRAFT)
    return True


def _check_session() -> None:
    """Raises NoPracticeBank if a pooler may change the session of this connection. The search path
    is a setting of the session.
    """
    if not pooler.keeps_sessions():
        raise NoPracticeBank(NO_SESSION)


def _check_migrations() -> None:
    """Raises NoPracticeBank if a migration has not been applied to the real bank."""
    database: Any = connection
    database.ensure_connection()
    if unapplied_migrations(database.connection):
        raise NoPracticeBank(NOT_MIGRATED)


def _check_role() -> None:
    """Raises NoPracticeBank if the role of the cookbook does not exist or the web role may not use
    it.
    """
    role = settings.LEDGER_COOKBOOK_ROLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            raise NoPracticeBank(
                f"The cookbook needs the role {role}, which this server does not have: "
                "docs/rights.md explains how to create it."
            )
        cursor.execute(
            "SELECT bool_and(pg_has_role(rolname, %s, 'MEMBER')) FROM pg_roles"
            " WHERE rolname IN (current_user, %s)",
            [role, settings.LEDGER_WEB_ROLE],
        )
        if cursor.fetchone() != (True,):
            raise NoPracticeBank(NOT_GRANTED.format(role))


@contextmanager
def _as_only_builder() -> Iterator[None]:
    """Ensures that only one process builds the practice bank. Other processes wait until the bank
    is current.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [BUILDING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILDING])


@contextmanager
def _first_in_path(schema: str) -> Iterator[None]:
    """Puts `schema` first in the search path while the `with` block runs, so that SQL without
    schema names uses its tables.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('search_path', %s, false)", [schema])
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('search_path', %s, false)", [before])


def _create_schema(schema: str) -> str:
    _drop(schema)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
    return schema


def _drop(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def tables_of_ledger() -> set[str]:
    """Returns the names of Ledger's tables and views, without the tables of added apps."""
    models = apps.get_models(include_auto_created=True)
    return WITHOUT_MODELS | {
        model._meta.db_table for model in models if not is_added(model.__module__)
    }


def _make_tables() -> None:
    """Copies the tables of the real bank, and creates the tables that only the practice bank
    has.
    """
    copy_schema(REAL, DRAFT, tables_of_ledger())
    _set_function_paths(DRAFT)
    _renumber_locks()
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("cookbook").get_models():
            if model in WITHOUT_CREATE_MODEL:
                continue
            editor.create_model(model)
            # Django does not create the indexes of an unmanaged table.
            for index in model._meta.indexes:
                editor.add_index(model, index)


def _set_function_paths(schema: str) -> None:
    """Sets `schema` as the search path of the copied SECURITY DEFINER functions. The copies have
    the search path of the originals, which is `public`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = %s::regnamespace AND prosecdef",
            [schema],
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")


def lock_here(number: int) -> int:
    """Converts the number of an advisory lock of the real bank to the number that the practice bank
    uses instead. The numbers must differ, because an advisory lock applies to all schemas.
    """
    return LOCKS_HERE + number


def _renumber_locks() -> None:
    """Changes the copied functions so that they use the practice bank's advisory locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_functiondef(oid) FROM pg_proc"
            " WHERE pronamespace = %s::regnamespace AND prosrc ~ %s",
            [DRAFT, NUMBERED_LOCK],
        )
        for (definition,) in cursor.fetchall():
            cursor.execute(re.sub(NUMBERED_LOCK, _practice_lock, definition))


def _practice_lock(found: re.Match[str]) -> str:
    return f"{found[1]}{lock_here(int(found[2]))}"


def _fill() -> None:
    """Fills the tables of the practice bank: the currencies from migration 0009 of `accounts`, the
    content types, the permissions, the groups, the data of the demo, and the vouchers, reminders
    and visits for recipes.
    """
    currencies = import_module("accounts.migrations.0009_currencies").CURRENCIES
    Currency.objects.bulk_create(
        Currency(code=code, name=name, minor_units=units) for code, name, units in currencies
    )
    _copy_content_types()
    labels = {label.partition(".")[0] for labels in PERMISSIONS.values() for label in labels}
    for label in sorted(labels):
        create_permissions(apps.get_app_config(label), verbosity=0)
    ensure_groups()
    seeding.seed(users=USERS, months=MONTHS, seed=SEED, now=ENDS)
    with connection.cursor() as cursor:
        vouchers.insert_vouchers(cursor)
        reminders.insert_reminders(cursor)
        visits.insert_visits(cursor)


def _copy_content_types() -> None:
    """Copies the content types of the real bank. The ids must be the same in both banks, because
    Django keeps content types in one cache for each process.
    """
    table = ContentType._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {DRAFT}.{table} SELECT * FROM {REAL}.{table}")  # noqa: S608
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{DRAFT}.{table}', 'id'), max(id))"  # noqa: S608
            f" FROM {DRAFT}.{table}"
        )


def _replace_practice_bank() -> None:
    """Replaces the old practice bank by the new one in one transaction."""
    role = connection.ops.quote_name(settings.LEDGER_COOKBOOK_ROLE)
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        _drop(SCHEMA)
        cursor.execute(f"ALTER SCHEMA {DRAFT} RENAME TO {SCHEMA}")
        with _first_in_path(SCHEMA):
            _set_function_paths(SCHEMA)
        for scratch in SCRATCH:
            with _first_in_path(_create_schema(scratch)), connection.schema_editor() as editor:
                for model in SCRATCH_MODELS:
                    editor.create_model(model)
        for schema in (SCHEMA, *SCRATCH):
            cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
            cursor.execute(f"GRANT {RIGHTS} ON ALL TABLES IN SCHEMA {schema} TO {role}")
            cursor.execute(f"GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
        extensions.grant_usage(cursor, role)
        _grant_to_explorer()
        cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{comment()}'")


def _grant_to_explorer() -> None:
    """Lets the explorer's role read the tables of exercises, if the role exists."""
    role = settings.LEDGER_EXPLORER_ROLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            return
        to = connection.ops.quote_name(role)
        tables = ", ".join(f"{SCHEMA}.{table}" for table in OF_EXERCISES)
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {to}")
        cursor.execute(f"GRANT SELECT ON {tables} TO {to}")


def _vacuum(schema: str) -> None:
    """Vacuums the tables of the schema one after the other. VACUUM without a table would also read
    the real tables.

    VACUUM also empties the pending lists of GIN indexes, which make the indexes look more expensive
    to the planner, and marks pages for Index Only Scans.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in cursor.fetchall():
            cursor.execute(f"VACUUM (ANALYZE) {schema}.{connection.ops.quote_name(table)}")
