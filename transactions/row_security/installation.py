"""Installs row-level security, or removes it, as the setting LEDGER_ROW_SECURITY says."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.backends.utils import CursorWrapper

from ledger.db import own_server
from ledger.db.retry import with_retry
from ledger.db.rights import EVERYTHING
from ledger.db.row_security import keys
from ledger.db.signing_keys import store_pads
from transactions.rights import LESS
from transactions.row_security.functions import (
    CLAIMS,
    FUNCTIONS,
    NOTE_COUNTERPARTIES,
    SCHEMA,
    TABLES,
    check_first_sql,
    function_sql,
    name_of,
)
from transactions.row_security.masks import (
    MASKS,
    READ_BY_TRIGGERS,
    mask_views,
    owner_of_views,
    quoted_roles,
    rights_below,
)
from transactions.row_security.policies import ACCOUNTS, CHECKED_FIRST, NAMES, POLICIES, VIEWS


@with_retry
def apply() -> bool:
    """Makes the database as the setting says; returns whether anything had to change.

    Run by the owner of the tables. Stores the keys of SECRET_KEY each time. Locks each table for a
    moment if policies change; runs again after a deadlock, which autovacuum can cause.
    """
    if settings.LEDGER_ROW_SECURITY and settings.LEDGER_EMBEDDED:
        own_server.ensure_roles()
    with db_transaction.atomic(), connection.cursor() as cursor:
        installed = _installed(cursor)
        wanted = _digest(cursor) if settings.LEDGER_ROW_SECURITY else ""
        if not wanted:
            if installed is not None:
                _remove(cursor)
        elif installed != wanted:
            _install(cursor, is_new=installed is None)
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS '{wanted}'")
        if wanted:
            store_pads(cursor, f"{SCHEMA}.keys", keys())
            _take_tables(cursor)
    return (installed or "") != wanted


def lift_masks_before_migration(*, plan: Sequence[tuple[Any, bool]], **_signal: Any) -> None:
    """Removes the views until the migrations are done: no column that a view reads can change.
    Removes the policies too where a migration is taken back: they fit the newest tables alone.
    """
    with db_transaction.atomic(), connection.cursor() as cursor:
        if not plan or _installed(cursor) is None:
            return
        if any(backwards for _migration, backwards in plan):
            _remove(cursor)
        else:
            _remove_masks(cursor)
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS NULL")


def install_anew() -> None:
    """Lets the next `apply` do all of it again: a restored backup has neither rights nor views."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        if _installed(cursor) is not None:
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS NULL")


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


def _checked_first() -> list[str]:
    return [check_first_sql(table, POLICIES[table].writes) for table in CHECKED_FIRST]


def _digest(cursor: CursorWrapper) -> str:
    parts = [settings.LEDGER_WEB_ROLE, *VIEWS, TABLES, *_statements(), *_checked_first()]
    parts += mask_views(cursor)
    return hashlib.sha256("".join(parts).encode()).hexdigest()


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
    for statement in _checked_first():
        cursor.execute(statement)
    if _has_web_role(cursor):
        _make_masks(cursor)


def _has_web_role(cursor: CursorWrapper) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [settings.LEDGER_WEB_ROLE])
    return cursor.fetchone() is not None


def _make_masks(cursor: CursorWrapper) -> None:
    """Makes the views of the web role; it and their owner may run the functions of policies."""
    web, rows = quoted_roles()
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [owner_of_views()])
    if cursor.fetchone() is None:
        raise OperationalError(f"Row-level security needs the role {rows}: see docs/rights.md.")
    for role in (web, rows):
        cursor.execute(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}")
        cursor.execute(f"GRANT SELECT ON {SCHEMA}.counterparties TO {role}")
        for signature in FUNCTIONS:
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.{name_of(signature)} TO {role}")
    cursor.execute(f"DROP SCHEMA IF EXISTS {web} CASCADE")
    cursor.execute(f"GRANT CREATE ON SCHEMA {SCHEMA} TO {rows}")
    for statement in mask_views(cursor):
        cursor.execute(statement)
    cursor.execute(f"REVOKE CREATE ON SCHEMA {SCHEMA} FROM {rows}")


def _take_tables(cursor: CursorWrapper) -> None:
    """Takes from the web role the tables that it reads through views; `migrate` gives all."""
    if _has_web_role(cursor):
        for statement in rights_below(cursor):
            cursor.execute(statement)


def _remove_masks(cursor: CursorWrapper) -> None:
    """Lets the web role read the tables again, through their policies if there are any."""
    if not _has_web_role(cursor):
        return
    web, rows = quoted_roles()
    cursor.execute(f"DROP SCHEMA IF EXISTS {web} CASCADE")
    for table in MASKS:
        cursor.execute(f"REVOKE ALL ON public.{table} FROM {web}")  # rights by column, too
        cursor.execute(f"GRANT {LESS.get(table, EVERYTHING)} ON public.{table} TO {web}")
        cursor.execute(f"REVOKE ALL ON public.{table} FROM {rows}")
    for table in READ_BY_TRIGGERS:
        cursor.execute(f"REVOKE ALL ON public.{table} FROM {rows}")


def _remove(cursor: CursorWrapper) -> None:
    _remove_masks(cursor)
    for view in VIEWS:
        cursor.execute(f"ALTER VIEW {view} RESET (security_invoker)")
    for table in _tables_with_policies(cursor):
        cursor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        for name in NAMES:
            cursor.execute(f"DROP POLICY IF EXISTS {name} ON {table}")
    cursor.execute("DROP TRIGGER IF EXISTS row_security_counterparties ON transactions")
    for table in CHECKED_FIRST:
        cursor.execute(f"DROP TRIGGER IF EXISTS a_row_security ON {table}")
    cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _tables_with_policies(cursor: CursorWrapper) -> list[str]:
    """Also those that only an older version had."""
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity"
        " AND relnamespace = current_schema()::regnamespace"
    )
    return [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]
