"""Checks for a pooler, such as pgbouncer, between this process and the database server: whether
there is one, and whether its configuration is wrong.

Note [Sessions behind a pooler]: in transaction mode, each transaction may run in another session of
the server. If a client changes a session, the next client gets the changed session. Therefore, with
DB_POOLER=transaction, Ledger sends nothing that a session would have to keep
(`ledger.pool_settings`). This module checks what the settings cannot show, when the site starts and
for `/readyz`.
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
    """Returns whether the connection of this thread always uses the same server session, so that
    there is no pooler in transaction mode. Makes one query.
    """
    database: Any = connection
    if database.is_behind_pooler:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return bool(cursor.fetchone() == (database.connection.info.backend_pid,))


def refusal_in(error: BaseException) -> str | None:
    """Returns a message if a pooler refused a connection because of its options. Returns None for
    other errors.
    """
    return NOT_DECLARED if any(words in str(error) for words in REFUSED_OPTIONS) else None


def problem_with(found: psycopg.Connection[Any]) -> str | None:
    """Returns a message if a pooler causes a problem for this new connection. Returns None if there
    is no problem.
    """
    database: Any = connection
    prepares = found.prepare_threshold is not None
    if prepares and not database.is_behind_pooler and _is_another(found):
        return NOT_DECLARED
    return _without_limits(found, database.settings_dict)


def leak_between(connect: Connect) -> str | None:
    """Opens two connections with `connect`, changes a setting on the first one, and reads it on the
    second. Returns a message if the second connection has the changed setting, because a pooler
    passed it on. In this case, other people's rows could become visible. Otherwise returns None.
    Does not open connections if there is no pooler or row-level security is off.
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
    """Returns whether the query ran in a different session than the session in which the connection
    began.
    """
    return found.execute("SELECT pg_backend_pid()").fetchone() != (found.info.backend_pid,)


def _without_limits(found: psycopg.Connection[Any], database: dict[str, Any]) -> str | None:
    """Returns a warning with the configured timeouts that do not apply to new sessions. Returns
    None if all timeouts apply.
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
