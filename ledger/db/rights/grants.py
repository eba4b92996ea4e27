"""Grants each role its rights on the tables after every migration.

Only the owner of the tables runs migrations. The roles of web processes and workers own nothing and
have only the rights that apps register. Therefore injected SQL cannot write a balance, delete a
posted row, or change the record of who froze an account. The only posted column that injected SQL
can change is the status of a pending hold. Triggers and constraints are the second defence.
"""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.db import extensions
from ledger.db.rights.registered_tables import (
    TABLES,
    WEB_FUNCTIONS,
    WORKER_FUNCTIONS,
    misspelled,
)
from ledger.db.server.embedded import embedded_server

logger = logging.getLogger(__name__)
RIGHT = re.compile(r"[A-Z]+(?: \([^)]*\))?")  # one right in a list of rights, with its columns
# Settings that an administrator sets for the web role: see docs/rights.md.
EXPECTED_SETTINGS = {
    "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout",
    "track_activities", "transaction_timeout",
}  # fmt: skip
# By default, all roles may execute these functions, and could fill the disk with large objects.
# Only a superuser can revoke this right, in each database separately.
LARGE_OBJECTS = """
SELECT format('REVOKE EXECUTE ON FUNCTION pg_catalog.%I(%s) FROM PUBLIC',
              proname, pg_get_function_identity_arguments(oid))
FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ '^(lo_|loread$|lowrite$)'
  AND has_function_privilege('public', oid, 'EXECUTE')"""
# Functions that run with the rights of their owner. A role with the right to execute such a
# function could use the function for a trigger on its own table, with any rows. The migrations
# revoke the right from PUBLIC, but a restored backup contains no rights.
DEFINERS = """
SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', oid::regprocedure)
FROM pg_proc
WHERE prosecdef AND pg_has_role(current_user, proowner, 'MEMBER')
  AND pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')
  AND has_function_privilege('public', oid, 'EXECUTE')"""


def grant_rights(*, using: str, **_signal: Any) -> None:
    """Grants the web, worker and auditor roles their registered rights. Skips a role that the
    server does not have. Runs after each migration.

    Raises ImproperlyConfigured before any change if the registered rights contain an unknown
    column.
    """
    for problem in misspelled():
        raise ImproperlyConfigured(problem)
    if server := embedded_server(using):
        server.ensure_roles()
        server.revoke_public_rights(connections[using].settings_dict["NAME"])
    tables = TABLES.items()
    grant(
        connections[using], settings.LEDGER_WEB_ROLE,
        {name: table.web for name, table in tables}, functions=WEB_FUNCTIONS,
    )  # fmt: skip
    grant(
        connections[using], settings.LEDGER_WORKER_ROLE,
        {name: table.worker for name, table in tables},
        hidden={name: table.hidden_from_worker for name, table in tables},
        functions=WORKER_FUNCTIONS,
    )  # fmt: skip
    grant(
        connections[using], settings.LEDGER_AUDITOR_ROLE,
        {name: table.auditor for name, table in tables},
        hidden={name: table.hidden_from_auditor for name, table in tables},
    )  # fmt: skip
    for role in (settings.LEDGER_WEB_ROLE, settings.LEDGER_WORKER_ROLE):
        for setting in settings_of(connections[using], role):
            logger.warning(
                "The role %s has an unexpected setting, %s. If your administrators did not set it, "
                "remove it as a superuser: ALTER ROLE %s RESET ALL.",
                role, setting, role,
            )  # fmt: skip


def grant(
    connection: BaseDatabaseWrapper,
    role: str,
    rights: Mapping[str, str],
    *,
    hidden: Mapping[str, str] = MappingProxyType({}),
    functions: Sequence[str] = (),
) -> bool:
    """Grants a role its rights to all tables and views, and to the functions of extensions. Also
    revokes from PUBLIC the right to execute functions that run with the rights of their owner.
    Returns False if the role does not exist.

    `rights` maps each table to rights in the syntax of GRANT. The role gets no rights to other
    tables. `hidden` maps a table to a column that the role may not read. `functions` are functions
    that the role may execute, if they exist.
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
        extensions.grant_usage(cursor, to)
        # Postgres searches temporary tables first, so a session could hide the real tables with
        # temporary tables.
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
            privileges = rights.get(name, "")
            if "(" in privileges:
                privileges = existing_columns_only(cursor, table, privileges)
            if hidden.get(name):
                reading = _reading_all_but(cursor, table, hidden[name])
                privileges = privileges.replace("SELECT", reading, 1)
            # Because of the transaction, other sessions of the role always have the old or the new
            # rights.
            with transaction.atomic(using=connection.alias):
                cursor.execute(f"REVOKE ALL ON {table} FROM {to}")
                if privileges:
                    cursor.execute(f"GRANT {privileges} ON {table} TO {to}")
        cursor.execute(
            "SELECT function FROM unnest(%s::text[]) AS function"
            " WHERE to_regprocedure(function) IS NOT NULL",
            [list(functions)],
        )
        for (function,) in cursor.fetchall():
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {to}")
    return True


def existing_columns_only(cursor: Any, table: str, privileges: str) -> str:
    """Returns the rights in `privileges`, but leaves out columns that do not exist in the table. A
    column does not exist if its migration has not run.
    """
    cursor.execute(
        "SELECT attname FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table],
    )
    there = {name for (name,) in cursor.fetchall()}

    def kept(right: str) -> str:
        privilege, *listed = right.rstrip(")").split(" (")
        columns = [name for name in ", ".join(listed).split(", ") if name in there]
        return f"{privilege} ({', '.join(columns)})" if columns else "" if listed else privilege

    return ", ".join(filter(None, map(kept, RIGHT.findall(privileges))))


def _reading_all_but(cursor: Any, table: str, column: str) -> str:
    """Returns the right to read all columns except one, in the syntax of GRANT. Uses the table's
    existing columns, because some migrations may not have run yet.
    """
    cursor.execute(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attname <> %s",
        [table, column],
    )
    return f"SELECT ({cursor.fetchone()[0]})"


def settings_of(connection: BaseDatabaseWrapper, role: str) -> Iterator[str]:
    """Yields the settings that ALTER ROLE has set for the role, except EXPECTED_SETTINGS.

    Postgres allows every role to change its own settings. Injected SQL could therefore change the
    settings of all later connections.
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
