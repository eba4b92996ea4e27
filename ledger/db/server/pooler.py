"""A pooler between this process and the server, such as pgbouncer: whether there is one, and what
in it harms.

Note [Sessions behind a pooler]: in transaction mode each transaction may run in another session of
the server, and what one client leaves in a session is there for the next. So with
DB_POOLER=transaction nothing is sent that a session would have to keep (`ledger.pool_settings`).
What settings cannot tell is looked up here, when the site starts and for `/readyz`.
"""

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection

LEFT = "ledger.left_in_a_session"
# What pgbouncer and RDS Proxy answer to the timeouts that a web process sends when it connects.
REFUSED_OPTIONS = ("unsupported startup parameter", "support command-line options")
NOT_SAID = (
    "A pooler stands before the server and DB_POOLER does not say so; set DB_POOLER=transaction, or"
    " LEDGER_PREPARE=False for one in session mode."
)
NO_LIMITS = (
    "The pooler drops the limits of time, so that sessions have none for {names}; set each on the"
    " role of the login, which may do it itself: ALTER ROLE CURRENT_USER SET {example} ="
    " '{seconds}s'."
)
NOT_RESET = (
    "The pooler gives what one person's request left in a session to the next one; with row-level"
    " security, pgbouncer needs server_reset_query_always = 1."
)
Connect = Callable[[], AbstractContextManager[psycopg.Connection[Any]]]


def keeps_sessions() -> bool:
    """Whether the connection of this thread has a session of the server for itself. One query."""
    database: Any = connection
    if database.is_behind_pooler:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return bool(cursor.fetchone() == (database.connection.info.backend_pid,))


def refusal_in(error: BaseException) -> str | None:
    """The sentence for a pooler that refused a connection because of its options; None for other
    errors.
    """
    return NOT_SAID if any(words in str(error) for words in REFUSED_OPTIONS) else None


def problem_with(found: psycopg.Connection[Any]) -> str | None:
    """What a pooler on the way of this new connection does harm with; None for nothing."""
    database: Any = connection
    prepares = found.prepare_threshold is not None
    if prepares and not database.is_behind_pooler and _is_another(found):
        return NOT_SAID
    return _without_limits(found, database.settings_dict)


def leak_between(connect: Connect) -> str | None:
    """The sentence about a pooler that lets a setting of one connection's session come to the next
    connection, where that gives away rows; None for any other. `connect` makes a new connection.
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
    """Whether the session is not the one that was made by connecting."""
    return found.execute("SELECT pg_backend_pid()").fetchone() != (found.info.backend_pid,)


def _without_limits(found: psycopg.Connection[Any], database: dict[str, Any]) -> str | None:
    """Returns a warning that lists the configured timeouts that new sessions lack, or None."""
    timeouts = database.get("LEDGER_TIMEOUTS", {})
    wanted = {name: seconds for name, seconds in timeouts.items() if seconds}
    if not database.get("LEDGER_POOLER"):
        wanted.pop("transaction_timeout", None)  # set after connecting
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
