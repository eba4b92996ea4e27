"""Checks the explorer's database role. Only a superuser can correct the role's rights and
settings.
"""

from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.core.checks import CheckMessage
from django.db import connection

from ledger.checks.messages import some, weak
from ledger.db.rights import kept_from_queries
from ledger.db.rights.role_setup import EXPLORER_SETTINGS

# The settings that a new session of the role gets. They are the role's own settings, in this
# database or in all databases. For other settings, they are the server's settings. This session has
# the server's setting, unless a role or the session itself has set another value. Any limit for
# temporary files is accepted.
LACKING = """
    SELECT wanted.name || ' is ' || held.value
    FROM pg_roles,
         unnest(%s::text[], %s::text[]) WITH ORDINALITY AS wanted (name, value, place),
         LATERAL (SELECT coalesce((
             SELECT substr(setting, strpos(setting, '=') + 1)
             FROM pg_db_role_setting, unnest(setconfig) AS setting
             WHERE setrole IN (pg_roles.oid, 0) AND split_part(setting, '=', 1) = wanted.name
               AND setdatabase IN (0, (SELECT oid FROM pg_database
                                       WHERE datname = current_database()))
             ORDER BY setrole <> 0 DESC, setdatabase <> 0 DESC LIMIT 1
         ), (
             SELECT CASE WHEN source IN ('user', 'database user', 'client', 'session')
                         THEN boot_val ELSE setting END
             FROM pg_settings WHERE name = wanted.name
         )) AS value) AS held
    WHERE rolname = %s AND CASE wanted.name
        WHEN 'temp_file_limit' THEN held.value = '-1'
        WHEN 'log_min_messages' THEN held.value NOT IN ('fatal', 'panic')
        ELSE held.value NOT IN (wanted.value, 'false', '0') END
    ORDER BY place
"""
STATEMENTS = """
    SELECT count(*) > 0 FROM pg_class, pg_roles
    WHERE relname = 'pg_stat_statements' AND rolname = %s
      AND has_schema_privilege(pg_roles.oid, relnamespace, 'USAGE')
      AND has_table_privilege(pg_roles.oid, pg_class.oid, 'SELECT')
"""
OR_OFF = "A server without a superuser, such as RDS, keeps this risk unless LEDGER_EXPLORER=off."


def explorer_role(found: psycopg.Connection[Any]) -> Iterator[CheckMessage]:
    """Yields messages about wrong settings and rights of the explorer's role. With wrong settings
    or rights, a query of the explorer could read data of other people or fill the disk.
    """
    if settings.LEDGER_EXPLORER == "off" or _has_no_login():
        return
    role = settings.LEDGER_EXPLORER_ROLE
    wanted = [list(EXPLORER_SETTINGS), list(EXPLORER_SETTINGS.values()), role]
    if lacking := [what for (what,) in found.execute(LACKING, wanted).fetchall()]:
        values = ", ".join(f"{name} = {value}" for name, value in EXPLORER_SETTINGS.items())
        yield weak(
            "explorer_role",
            f"The role {role} has wrong settings: {', '.join(lacking)}. Queries of the explorer can"
            " see statistics and statements of other users, fill the disk, or write values of rows"
            " into the server's log.",
            f"Let a superuser run manage.py create_roles, or ALTER ROLE {role} SET for each of"
            f" {values} (docs/rights.md#on-your-own-server). {OR_OFF}",
        )
    if functions := kept_from_queries.executable(found, role):
        yield weak(
            "explorer_functions",
            f"The role {role} may execute {some(functions)}: queries of the explorer could fill"
            " the disk or the memory of web processes, take all locks of the server, end queries of"
            " other users, or find out from statistics who is a customer.",
            "Let a superuser run manage.py create_roles, or the SQL of"
            f" docs/rights.md#on-your-own-server. {OR_OFF}",
        )
    if found.execute(STATEMENTS, [role]).fetchone() == (True,):
        yield weak(
            "explorer_statements",
            f"The role {role} reads pg_stat_statements: queries of the explorer can see those of"
            " other users there.",
            "REVOKE SELECT ON pg_stat_statements FROM PUBLIC, as its owner.",
        )


def _has_no_login() -> bool:
    """Returns whether the explorer's role cannot sign in: this process signs in with a password,
    and the setting with the role's password is empty. The explorer is then off.
    """
    server = connection.settings_dict
    is_secret = "secret" in server.get("LEDGER_CREDENTIALS", {})
    asks = not server.get("LEDGER_EMBEDDED") and (bool(server.get("PASSWORD")) or is_secret)
    return asks and not settings.LEDGER_EXPLORER_PASSWORD
