"""Detects a pooler, such as pgbouncer, between this process and the database server, and checks its
configuration.

Note [Sessions behind a pooler]: in transaction mode, each transaction may run in another session of
the server. If a client changes a session, the next client gets the changed session. Therefore, with
DB_POOLER=transaction, Ledger sends nothing that a session must keep (`ledger.settings.pool`). When
the site starts and for `/readyz`, this module also checks the pooler itself.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

LEFT = "ledger.left_in_a_session"
# pgbouncer and RDS Proxy refuse a connection with these texts if a web process sends timeouts when
# it connects.
REFUSED_OPTIONS = ("unsupported startup parameter", "support command-line options")
NOT_DECLARED = (
    "There is a pooler in front of the server, but DB_POOLER is not set. Set DB_POOLER=transaction,"
    " or LEDGER_PREPARE=False for a pooler in session mode."
)
NO_LIMITS = (
    "The pooler drops the time limits, so sessions have none for {names}. Set each on the login's"
    " role, which may do this itself: ALTER ROLE CURRENT_USER SET {example} = '{seconds}s'."
)
NOT_RESET = (
    "The pooler passes what one person's request left in a session on to the next request. With"
    " row-level security, pgbouncer needs server_reset_query_always = 1."
)
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


def keeps_sessions() -> bool:
    """Returns whether this thread's connection always uses the same server session. Returns False
    behind a pooler in transaction mode. Sends one query.
    """
    database: Any = connection
    if database.is_behind_pooler:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return bool(cursor.fetchone() == (database.connection.info.backend_pid,))


def refusal_in(error: BaseException) -> str | None:
    """Returns a message if a pooler refused the connection because of the connection's options.
    Otherwise returns None.
    """
    return NOT_DECLARED if any(words in str(error) for words in REFUSED_OPTIONS) else None


def problem_with(found: psycopg.Connection[Any]) -> str | None:
    """Returns a message if a pooler causes a problem for this new connection. Otherwise returns
    None.
    """
    database: Any = connection
    prepares = found.prepare_threshold is not None
    if prepares and not database.is_behind_pooler and _is_another(found):
        return NOT_DECLARED
    return _without_limits(found, database.settings_dict)


def leak_between(connect: Connect) -> str | None:
    """Returns a message if a pooler passes session settings on to the next client. Other people's
    rows could then become visible. Returns None if there is no such problem.

    Changes a setting on a connection and reads it on a second connection, both opened with
    `connect`. Opens no connection if there is no pooler or row-level security is off.
    """
    database: Any = connection
    if not settings.LEDGER_ROW_SECURITY or not database.is_behind_pooler:
        return None
    mark = secrets.token_hex(8)
    with connect() as found:
        found.execute("SELECT set_config(%s, %s, false)", [LEFT, mark])
    with connect() as found:
        row = found.execute("SELECT current_setting(%s, true)", [LEFT]).fetchone()
        found.execute("SELECT set_config(%s, '', false)", [LEFT])
    return NOT_RESET if row == (mark,) else None


def _is_another(found: psycopg.Connection[Any]) -> bool:
    """Returns whether a query of this connection runs in another session than the session with
    which the connection started.
    """
    return found.execute("SELECT pg_backend_pid()").fetchone() != (found.info.backend_pid,)


def _without_limits(found: psycopg.Connection[Any], database: dict[str, Any]) -> str | None:
    """Returns a warning with the configured timeouts that new sessions do not have. Returns None if
    all timeouts apply.
    """
    timeouts = database.get("LEDGER_TIMEOUTS", {})
    wanted = {name: seconds for name, seconds in timeouts.items() if seconds}
    if not database.get("LEDGER_POOLER"):
        wanted.pop("transaction_timeout", None)  # this timeout is set after connecting
    rows = found.execute(
        "SELECT name FROM pg_settings WHERE reset_val = '0' AND name = ANY(%s) ORDER BY name",
        [list(wanted)],
    ).fetchall()
    if not rows:
        return None
    example = rows[0][0]
    return NO_LIMITS.format(
        names=", ".join(name for (name,) in rows),
        example=example,
        seconds=wanted[example],
    )
