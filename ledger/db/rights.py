"""The rights of a role to the tables, granted again after every migration.

The owner of the tables runs migrations; web processes sign in with a role that owns nothing.
That role may read and write every table, unless an app grants it less.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.db import extensions

EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"
# Settings that an administrator gives the web role, see docs/rights.md.
EXPECTED_SETTINGS = {
    "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout",
    "track_activities", "transaction_timeout",
}  # fmt: skip
# Everybody may execute these functions, and so fill the disk with large objects. Only a superuser
# can take that right away, in each database.
LARGE_OBJECTS = """
SELECT format('REVOKE EXECUTE ON FUNCTION pg_catalog.%I(%s) FROM PUBLIC',
              proname, pg_get_function_identity_arguments(oid))
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(lo_|loread$|lowrite$)'
  AND has_function_privilege('public', oid, 'EXECUTE')"""
# Functions that run with the rights of their owner: whoever may execute one could attach it to a
# table of their own, with any rows. Their migrations take that from everybody; a restored backup
# has no rights in it.
DEFINERS = """
SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
FROM pg_proc
WHERE prosecdef AND pg_has_role(current_user, proowner, 'MEMBER')
  AND pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  AND has_function_privilege('public', oid, 'EXECUTE')"""


def grant(
    connection: BaseDatabaseWrapper,
    role: str,
    less: Mapping[str, str],
    *,
    usual: str = EVERYTHING,
    hidden: Mapping[str, str] = MappingProxyType({}),
    functions: Sequence[str] = (),
) -> bool:
    """Grant the role its rights to every table and view and to the functions of extensions, and
    take from everybody the functions that run with the rights of their owner. Returns False if the
    role is missing.

    `less` maps tables to their rights as GRANT spells them, "" for none; all other tables get
    `usual`. Of the tables in `hidden` it may read every column but the one that they name. It may
    execute the `functions` that there are.
    """
    with connection.cursor() as cursor:
        cursor.execute(DEFINERS)
        for (revoke,) in cursor.fetchall():
            cursor.execute(revoke)
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            return False
        quote = connection.ops.quote_name
        to = quote(role)
        extensions.let_enter(cursor, to)
        # Temporary tables are searched first, so a session could hide the real tables by its own.
        cursor.execute(
            "SELECT current_database() FROM pg_database WHERE datname = current_database()"
            " AND pg_has_role(current_user, datdba, 'MEMBER')"
        )
        for (database,) in cursor.fetchall():
            cursor.execute(f"REVOKE TEMPORARY ON DATABASE {quote(database)} FROM PUBLIC")
        cursor.execute(
            "SELECT relname, current_schema() FROM pg_class WHERE relkind IN ('r', 'p', 'v')"
            " AND relnamespace = current_schema()::regnamespace"
            " AND pg_has_role(current_user, relowner, 'MEMBER')"
        )
        for name, schema in cursor.fetchall():
            table = f"{quote(schema)}.{quote(name)}"
            rights = less.get(name, usual)
            if name in hidden:
                reading = _reading_all_but(cursor, table, hidden[name])
                rights = rights.replace("SELECT", reading, 1)
            # Other sessions of the role continue, and see the old rights or the new ones.
            with transaction.atomic(using=connection.alias):
                cursor.execute(f"REVOKE ALL ON {table} FROM {to}")
                if rights:
                    cursor.execute(f"GRANT {rights} ON {table} TO {to}")
        cursor.execute(
            "SELECT function FROM unnest(%s::text[]) AS function"
            " WHERE to_regprocedure(function) IS NOT NULL",
            [list(functions)],
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {to}")
    return True


def _reading_all_but(cursor: Any, table: str, column: str) -> str:
    """As GRANT spells it. From the table itself: a migration may not have added a column yet."""
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> %s",
        [table, column],
    )
    return f"SELECT ({cursor.fetchone()[0]})"


def settings_of(connection: BaseDatabaseWrapper, role: str) -> Iterator[str]:
    """The settings that somebody gave the role by ALTER ROLE, apart from EXPECTED_SETTINGS.

    Postgres lets every role change its own, so injected SQL could: they begin with each new
    connection and stay after a restart.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT unnest(setconfig) FROM pg_db_role_setting"
            " WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = %s)",
            [role],
        )
        for (setting,) in cursor.fetchall():
            if setting.partition("=")[0] not in EXPECTED_SETTINGS:
                yield setting
