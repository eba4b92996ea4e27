"""The practice bank: a whole Ledger in a schema of its own, for recipes to work on.

The migrations make its tables, with every constraint and trigger under its real name, and the
demo's own services fill it, up to a fixed day: the same rows on every machine. The role of the
cookbook has rights there and nowhere else, so that no recipe can read or touch the real books,
whatever it does. Beside it lie a few scratch schemas, for the recipes that really commit.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from django.apps import apps
from django.conf import settings
from django.contrib.auth.management import create_permissions
from django.db import connection
from django.db import transaction as db_transaction
from django.db.migrations.executor import MigrationExecutor

from accounts.groups import ensure_groups
from ledger.cookbook.models import SCRATCH_MODELS
from ledger.db import embedded
from ledger.db.probe import known_migrations
from transactions.demo import seeding

SCHEMA = "practice"
DRAFT = "practice_draft"
SCRATCH = tuple(f"practice_scratch_{number}" for number in range(1, 5))
# What the practice bank holds: change it, and every practice bank is made anew.
USERS, MONTHS, SEED = 24, 12, 1
ENDS = datetime(2026, 6, 30, 23, 59, 59, tzinfo=UTC)
EDITION = 1
BUILDING = 7_205_759_403_792_793  # the advisory lock of whoever builds


class NoPracticeBank(Exception):
    """There is none, or one of other code; `str(error)` says what to do."""


def is_current() -> bool:
    """Whether the practice bank is there and of this code."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = %s",
            [SCHEMA],
        )
        row = cursor.fetchone()
    return row is not None and row[0] == _comment()


def build(*, tell: Callable[[str], object] = lambda _said: None) -> bool:
    """Makes the practice bank, or makes it anew where the code has changed; False where it was
    current. For the owner of the tables, outside transactions. NoPracticeBank where the role of
    the cookbook is missing.
    """
    _check_role()
    with _alone():
        if is_current():
            return False
        tell("Making the practice bank of the cookbook ...")
        try:
            with _first_in_path(_made(DRAFT)):
                _migrate()
                _fill()
            _put_in_place()
        finally:
            _drop(DRAFT)
    return True


def _check_role() -> None:
    if settings.LEDGER_EMBEDDED:
        embedded.ensure_roles()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.LEDGER_COOKBOOK_ROLE])
        if cursor.fetchone() is None:
            raise NoPracticeBank(
                f"The cookbook needs the role {settings.LEDGER_COOKBOOK_ROLE}, which this server "
                "has not: docs/rights.md says how to make it."
            )


@contextmanager
def _alone() -> Iterator[None]:
    """One builder at a time; the others wait and then find it done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [BUILDING])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [BUILDING])


@contextmanager
def _first_in_path(schema: str) -> Iterator[None]:
    """Everything inside that names no schema means this one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('search_path', %s, false)", [schema])
        try:
            yield
        finally:
            cursor.execute("SELECT set_config('search_path', %s, false)", [before])


def _made(schema: str) -> str:
    _drop(schema)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {schema}")
    return schema


def _drop(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _migrate() -> None:
    """The real tables, by the real migrations. No signals: they speak of the real books."""
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    _functions_stay_within(DRAFT)
    with connection.schema_editor() as editor:
        for model in apps.get_app_config("cookbook").get_models():
            editor.create_model(model)


def _functions_stay_within(schema: str) -> None:
    """Functions that work with the owner's rights name `public`; here they mean this schema."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc"
            " WHERE pronamespace = %s::regnamespace AND prosecdef",
            [schema],
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"ALTER FUNCTION {function} SET search_path = {schema}, pg_temp")


def _fill() -> None:
    for label in ("accounts", "transactions"):
        create_permissions(apps.get_app_config(label), verbosity=0)
    ensure_groups()
    seeding.seed(users=USERS, months=MONTHS, seed=SEED, now=ENDS)


def _put_in_place() -> None:
    """In one step from the old practice bank to the new one."""
    role = connection.ops.quote_name(settings.LEDGER_COOKBOOK_ROLE)
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        _drop(SCHEMA)
        cursor.execute(f"ALTER SCHEMA {DRAFT} RENAME TO {SCHEMA}")
        with _first_in_path(SCHEMA):
            _functions_stay_within(SCHEMA)
        for scratch in SCRATCH:
            with _first_in_path(_made(scratch)), connection.schema_editor() as editor:
                for model in SCRATCH_MODELS:
                    editor.create_model(model)
        for schema in (SCHEMA, *SCRATCH):
            cursor.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}")
            cursor.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}")
            cursor.execute(f"GRANT ALL ON ALL SEQUENCES IN SCHEMA {schema} TO {role}")
        cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{_comment()}'")
    _analyze(SCHEMA)


def _analyze(schema: str) -> None:
    """Table by table: ANALYZE of none would read the real books too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        for (table,) in cursor.fetchall():
            cursor.execute(f"ANALYZE {schema}.{connection.ops.quote_name(table)}")


def _comment() -> str:
    """What the practice bank was made of, short."""
    made_of = repr((known_migrations(), EDITION, USERS, MONTHS, SEED, ENDS, _toys()))
    return f"practice bank {hashlib.sha256(made_of.encode()).hexdigest()[:16]}"


def _toys() -> list[str]:
    return [
        f"{model._meta.db_table}.{field.name}"
        for model in apps.get_app_config("cookbook").get_models()
        for field in model._meta.fields
    ]
