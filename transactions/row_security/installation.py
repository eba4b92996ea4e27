"""Installs row-level security, or removes it, as the setting LEDGER_ROW_SECURITY says."""

import hashlib
from typing import Any

from django.conf import settings
from django.db import connection
from django.db import transaction as db_transaction
from django.db.backends.utils import CursorWrapper

from ledger.db.row_security import keys, pads
from transactions.row_security.functions import (
    CLAIMS,
    FUNCTIONS,
    NOTE_COUNTERPARTIES,
    SCHEMA,
    TABLES,
    function_sql,
)
from transactions.row_security.policies import ACCOUNTS, NAMES, POLICIES, VIEWS


def apply() -> bool:
    """Makes the database as the setting says; returns whether anything had to change.

    Run by the owner of the tables. Stores the keys of SECRET_KEY each time. Locks each table for a
    moment if policies change.
    """
    with db_transaction.atomic(), connection.cursor() as cursor:
        installed = _installed(cursor)
        wanted = _digest() if settings.LEDGER_ROW_SECURITY else ""
        if not wanted:
            if installed is not None:
                _remove(cursor)
        elif installed != wanted:
            _install(cursor, is_new=installed is None)
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{wanted}'")
        if wanted:
            _store_keys(cursor)
    return (installed or "") != wanted


def apply_after_migration(**_signal: Any) -> None:
    """Does the same after a migration, for tables that are new."""
    if "transactions" in connection.introspection.table_names():
        apply()


def is_installed() -> bool:
    """Whether the database has the policies, of this version or an older one."""
    with connection.cursor() as cursor:
        return _installed(cursor) is not None


def _installed(cursor: CursorWrapper) -> str | None:
    """The digest of what is installed; None if nothing is."""
    cursor.execute(
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace"
        " WHERE nspname = %s",
        [SCHEMA],
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _statements() -> list[str]:
    """What is made anew with each version."""
    functions = [function_sql(*function) for function in FUNCTIONS.items()]
    policies = [sql for table, policy in POLICIES.items() for sql in policy.sql(table)]
    known = f"ON row_security.counterparties USING (account_id = ANY ({ACCOUNTS}))"
    return [CLAIMS, *functions, NOTE_COUNTERPARTIES, f"CREATE POLICY reads {known}", *policies]


def _digest() -> str:
    web = settings.LEDGER_WEB_ROLE
    return hashlib.sha256("".join([web, *VIEWS, TABLES, *_statements()]).encode()).hexdigest()


def _install(cursor: CursorWrapper, *, is_new: bool) -> None:
    if is_new:
        cursor.execute("LOCK TABLE transactions IN SHARE ROW EXCLUSIVE MODE")  # until it is noted
        cursor.execute(TABLES)
    for table in (*POLICIES, "row_security.counterparties"):
        for name in NAMES:
            cursor.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
    for statement in _statements():
        cursor.execute(statement)
    for table in POLICIES:
        cursor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    for view in VIEWS:
        cursor.execute(f"ALTER VIEW {view} SET (security_invoker = true)")
    _grant(cursor)


def _grant(cursor: CursorWrapper) -> None:
    """Lets the web role run the functions of policies. It cannot read the keys."""
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.LEDGER_WEB_ROLE])
    if cursor.fetchone() is None:
        return
    web = connection.ops.quote_name(settings.LEDGER_WEB_ROLE)
    cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {web}")
    cursor.execute(f"GRANT SELECT ON {SCHEMA}.counterparties TO {web}")
    for signature in FUNCTIONS:
        name = signature.partition(" ")[0]
        cursor.execute(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.{name} TO {web}")


def _remove(cursor: CursorWrapper) -> None:
    for view in VIEWS:
        cursor.execute(f"ALTER VIEW {view} RESET (security_invoker)")
    for table in _tables_with_policies(cursor):
        cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        for name in NAMES:
            cursor.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
    cursor.execute("DROP TRIGGER IF EXISTS row_security_counterparties ON transactions")
    cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _tables_with_policies(cursor: CursorWrapper) -> list[str]:
    """Also those that only an older version had."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity"
        " AND relnamespace = current_schema()::regnamespace"
    )
    return [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]


def _store_keys(cursor: CursorWrapper) -> None:
    wanted = [pads(key) for key in keys()]
    cursor.execute(f"SELECT inner_pad, outer_pad FROM {SCHEMA}.keys")  # noqa: S608
    if {(bytes(inner), bytes(outer)) for inner, outer in cursor.fetchall()} == set(wanted):
        return
    cursor.execute(f"DELETE FROM {SCHEMA}.keys")  # noqa: S608
    for pair in dict.fromkeys(wanted):
        cursor.execute(f"INSERT INTO {SCHEMA}.keys VALUES (%s, %s)", pair)  # noqa: S608
