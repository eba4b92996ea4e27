"""Installs or removes row-level security, depending on the setting LEDGER_ROW_SECURITY."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.db.backends.utils import CursorWrapper

from ledger.db.locking.short_waits import with_short_waits
from ledger.db.rights.grants import existing_columns_only
from ledger.db.rights.policies import ACCOUNTS, NAMES
from ledger.db.rights.registered_tables import TABLES, policies
from ledger.db.rights.row_security import WORKS, keys
from ledger.db.secret_key.signing_keys import store_pads
from transactions.row_security.functions import (
    CLAIMS,
    FUNCTIONS,
    NOTE_COUNTERPARTIES,
    NOTES_COUNTERPARTIES,
    OWN_TABLES,
    SCHEMA,
    check_first_sql,
    function_sql,
    name_of,
)
from transactions.row_security.marks import digest_of, make_changed
from transactions.row_security.masks import (
    MASKS,
    READ_BY_TRIGGERS,
    mask_views,
    owner_of_views,
    quoted_roles,
    rights_below,
)

VIEWS = ("entries",)  # views that must use the rights and policies of the reader


def apply() -> bool:
    """Installs or removes row-level security according to the setting. Returns whether anything
    changed.

    Only the owner of the tables may call this function. Each call stores the keys that are derived
    from SECRET_KEY. Locks only tables whose policies or triggers change, see Note [Short waits].
    """
    return with_short_waits(_apply)


def _apply() -> bool:
    with connection.cursor() as cursor:
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
    """Removes the views before the migrations, because a column cannot change while a view reads
    it. `apply` creates the views again. Before a migration is reversed, also removes the policies,
    because they match only the newest tables.
    """

    def lift() -> None:
        with connection.cursor() as cursor:
            if any(backwards for _migration, backwards in plan):
                _remove(cursor)
            else:
                _remove_masks(cursor)
                cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS NULL")

    if plan and is_installed():
        with_short_waits(lift)


def force_reinstall() -> None:
    """Makes the next call of `apply` install everything again. Call this function for a restored
    backup, which contains neither the rights nor the views.
    """
    with db_transaction.atomic(), connection.cursor() as cursor:
        if _installed(cursor) is not None:
            cursor.execute(f"COMMENT ON SCHEMA {SCHEMA} IS NULL")


def is_installed() -> bool:
    """Returns whether the database has the policies of this version or of an older version."""
    with connection.cursor() as cursor:
        return _installed(cursor) is not None


def _installed(cursor: CursorWrapper) -> str | None:
    """Returns the digest of the installed version, or None."""
    cursor.execute(
        "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace"
        " WHERE nspname = %s",
        [SCHEMA],
    )
    row = cursor.fetchone()
    return row[0] if row else None


def _functions() -> list[str]:
    """Returns the SQL that creates the functions which policies and triggers call. The SQL locks no
    tables.
    """
    functions = [function_sql(*function) for function in FUNCTIONS.items()]
    checks = [function for function, _trigger in _checked_first().values()]
    return [CLAIMS, *functions, NOTE_COUNTERPARTIES, *checks]


def _checked_first() -> dict[str, tuple[str, str]]:
    return {
        name: check_first_sql(name, policy.writes)
        for name, policy in policies().items()
        if TABLES[name].checked_first
    }


def _policies_and_triggers(cursor: CursorWrapper) -> dict[str, list[str]]:
    """Returns the SQL for the policies of each table and for each trigger. The keys are the names
    for `make_changed`. All policies of a table have the key of the first policy.

    If the role of the worker exists, a policy allows the worker to read every row.
    """
    known = f"ON row_security.counterparties USING (account_id = ANY ({ACCOUNTS}))"
    made_of = {table: policy.sql(table) for table, policy in policies().items()}
    made_of["row_security.counterparties"] = [f"CREATE POLICY reads {known}"]
    if _has_role(cursor, settings.LEDGER_WORKER_ROLE):
        to = connection.ops.quote_name(settings.LEDGER_WORKER_ROLE)
        for table, statements in made_of.items():
            statements.append(f"CREATE POLICY {WORKS} ON {table} TO {to} USING (true)")
    made = {"TRIGGER row_security_counterparties ON transactions": [NOTES_COUNTERPARTIES]}
    for table, (_function, trigger) in _checked_first().items():
        made[f"TRIGGER a_row_security ON {table}"] = [trigger]
    for table, statements in made_of.items():
        made[f"POLICY reads ON {table}"] = [
            *(f"DROP POLICY IF EXISTS {name} ON {table}" for name in NAMES),
            *statements,
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        ]
    return made


def _digest(cursor: CursorWrapper) -> str:
    made = [sql for statements in _policies_and_triggers(cursor).values() for sql in statements]
    parts = [settings.LEDGER_WEB_ROLE, *VIEWS, OWN_TABLES, *_functions(), *made]
    return digest_of([*parts, *mask_views(cursor)])


def _install(cursor: CursorWrapper, *, is_new: bool) -> None:
    if is_new:
        # No payment may be booked until all counterparties are stored.
        cursor.execute("LOCK TABLE transactions IN SHARE ROW EXCLUSIVE MODE")
        cursor.execute(OWN_TABLES)
    for statement in _functions():
        cursor.execute(statement)
    make_changed(cursor, _policies_and_triggers(cursor))
    _let_views_ask_for_the_reader(cursor)
    if _has_web_role(cursor):
        _make_masks(cursor)


def _let_views_ask_for_the_reader(cursor: CursorWrapper) -> None:
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relname = ANY (%s) AND relkind = 'v'"
        " AND relnamespace = current_schema()::regnamespace"
        " AND NOT coalesce(reloptions @> '{security_invoker=true}', false)",
        [list(VIEWS)],
    )
    for (view,) in cursor.fetchall():
        cursor.execute(f"ALTER VIEW {view} SET (security_invoker = true)")


def _has_web_role(cursor: CursorWrapper) -> bool:
    return _has_role(cursor, settings.LEDGER_WEB_ROLE)


def _has_role(cursor: CursorWrapper, role: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return cursor.fetchone() is not None


def _make_masks(cursor: CursorWrapper) -> None:
    """Creates the views of the web role. Grants the web role and the owner of the views the right
    to execute the functions that policies call.
    """
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
    """Revokes the web role's rights to the tables behind the views. `migrate` has granted these
    rights.
    """
    if _has_web_role(cursor):
        for statement in rights_below(cursor):
            cursor.execute(statement)


def _remove_masks(cursor: CursorWrapper) -> None:
    """Removes the views, and lets the web role read the tables directly again. Policies of the
    tables still apply.
    """
    if not _has_web_role(cursor):
        return
    web, rows = quoted_roles()
    cursor.execute(f"DROP SCHEMA IF EXISTS {web} CASCADE")
    for table in MASKS:
        # Also revokes rights to single columns.
        cursor.execute(f"REVOKE ALL ON public.{table} FROM {web}")
        given = existing_columns_only(cursor, f"public.{table}", TABLES[table].web)
        cursor.execute(f"GRANT {given} ON public.{table} TO {web}")
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
    for table in _checked_first():
        cursor.execute(f"DROP TRIGGER IF EXISTS a_row_security ON {table}")
    cursor.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


def _tables_with_policies(cursor: CursorWrapper) -> list[str]:
    """Returns the names of all tables with row-level security, quoted for SQL. Includes tables that
    have policies only from an older version.
    """
    cursor.execute(
        "SELECT relname FROM pg_class WHERE relrowsecurity"
        " AND relnamespace = current_schema()::regnamespace"
    )
    return [connection.ops.quote_name(name) for (name,) in cursor.fetchall()]
