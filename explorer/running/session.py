"""The database session of one query.

Note [The wall]: a user enters the text of a query, and the text is never searched for forbidden
words. The database enforces the limits:

- The session signs in as a separate role. The role is not a member of another role and owns
  nothing. It may SELECT from the views of the schema `explorer`, and from the tables of the
  practice bank that exercises use, and has no other rights. So `RESET ROLE` returns to this role,
  and SET ROLE is not possible.
- The text is sent with the extended protocol, which accepts only one SQL statement, and is first
  parsed separately. If this succeeds, the text is sent again as the subquery of a SELECT, where
  Postgres accepts only a query that reads. A text that is complete without the bracket cannot close
  the bracket around it. The text with values instead of its parameters is also parsed separately,
  and then executed in a block that catches its errors (Note [Trapped errors]).
- The transaction is read-only and always ends with ROLLBACK, so its settings are lost.
- Each query has a separate session, which ends with the query. So no lock, cursor or setting
  remains for the next user. A query that Postgres cannot stop blocks others; see Note [Overdue
  queries].
- The views trust only a signed token (`explorer.schema.functions`), regardless of all settings.
  A session that reads the practice bank has no token.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from math import ceil, inf
from time import monotonic
from typing import Any

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, Error, connections
from psycopg.sql import SQL, Composed, Literal

from explorer.access import QueryReader
from explorer.running.overdue import end_overdue, note_end, refuse_if_overdue
from explorer.schema.functions import SCHEMA, SETTING
from ledger.db import replicas
from ledger.db.backend.limited import LimitedConnection
from ledger.db.server import credentials

LOCK_SECONDS = 1
STOP_SECONDS = 2  # the time that a busy server needs to stop a statement
GIVEN_UP_AFTER = 3  # seconds after that, during which the query is already overdue
NOT_SET_UP = (
    "The explorer is not set up here: it signs in to the database as the role {role}, but"
    " LEDGER_EXPLORER_PASSWORD is missing, or the server refuses the role. docs/explorer.md"
    " describes how to create it."
)
NOT_PREPARED = (
    "The explorer is not set up here: its views are missing or older than this version, or the role"
    " {role} may not read them. manage.py prepare creates them (docs/explorer.md)."
)
NOT_SAFE = (
    "The explorer does not run: the role {role} may do more than read the explorer's views, or"
    " another role signed in. docs/explorer.md describes how to create it."
)
# IAM of RDS requires that the role is a member of rds_iam, which has no rights.
IS_SAFE = """
SELECT rolname = %s AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
    OR rolbypassrls) AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_auth_members
        WHERE member = pg_roles.oid AND roleid::regrole::text <> 'rds_iam'
    ) AND NOT EXISTS (SELECT FROM pg_catalog.pg_class WHERE relowner = pg_roles.oid)
FROM pg_catalog.pg_roles WHERE rolname = session_user AND session_user = current_user
"""
IS_PREPARED = f"""
SELECT coalesce(bool_or(pg_catalog.has_schema_privilege(pronamespace, 'USAGE')
    AND pg_catalog.has_function_privilege(oid, 'EXECUTE')), false)
FROM pg_catalog.pg_proc WHERE pronamespace = pg_catalog.to_regnamespace('{SCHEMA}')
"""  # noqa: S608 - a constant
MAY_BIND = (
    b"SELECT pg_catalog.has_function_privilege('pg_catalog.set_config(text, text, boolean)',"
    b" 'EXECUTE')"
)


class NotSetUp(Exception):
    """The explorer's role cannot sign in, or has too many rights. The text explains what to do."""


class QueryConnection(LimitedConnection):
    """A connection for the SQL statements of one query, which share one time limit. `ends` is the
    end of the time limit on the monotonic clock.
    """

    ends = 0.0

    def limit_next(self, most: float = inf) -> None:
        """Sets the timeout of the next SQL statement: the remaining time, but at most `most`
        seconds.

        Raises: QueryCanceled if no time is left.
        """
        left = min(self.ends - monotonic(), most)
        if left <= 0:
            raise psycopg.errors.QueryCanceled
        self.silence_limit = longest_silence(left)
        self.execute(f"SET LOCAL statement_timeout = {ceil(left * 1000)}".encode())


@contextmanager
def read_only_session(reader: QueryReader, seconds: float) -> Iterator[QueryConnection]:
    """Opens a new session of the explorer's role with a read-only transaction; see Note [The wall].
    All its SQL statements share the time limit of `seconds`.

    Raises: NotSetUp; ExplorerBusy if too many other queries are overdue; psycopg's OperationalError
    if the server cannot be reached; ReadAgain if another server responded instead of the replica.
    """
    connection = _connect()
    try:
        connection.silence_limit = longest_silence(seconds)
        replicas.watch(connection)
        _check(connection)
        if _is_embedded():
            end_overdue(connection)  # for example, queries of a web process that has ended
        refuse_if_overdue(connection)
        connection.execute("BEGIN READ ONLY")
        replicas.check_server(connection)
        _set(connection, reader, seconds)
        note_end(connection, seconds + STOP_SECONDS)
        connection.execute("SAVEPOINT query")
        connection.ends = monotonic() + seconds
        yield connection
        _forget(connection)
    finally:
        connection.close()


def end_late_queries() -> None:
    """Ends queries on the embedded server that Postgres did not stop in time. Does nothing for
    other servers.
    """
    if _is_embedded():
        with suppress(psycopg.Error, NotSetUp), closing(_connect()) as connection:
            end_overdue(connection)


def _is_embedded() -> bool:
    return bool(connections[DEFAULT_DB_ALIAS].settings_dict.get("LEDGER_EMBEDDED"))


def longest_silence(seconds: float) -> float:
    """Returns the time in seconds after which the web process stops waiting for the server.
    `seconds` is the time limit of the query.
    """
    return seconds + STOP_SECONDS + GIVEN_UP_AFTER


def _connect() -> QueryConnection:
    """Connects to the server of this thread's connection, which may be a replica, and signs in as
    the explorer's role.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    role = settings.LEDGER_EXPLORER_ROLE
    parameters: dict[str, Any] = {
        **database.get_connection_params(),
        "user": role,
        "password": settings.LEDGER_EXPLORER_PASSWORD or None,
        "application_name": "ledger explorer",
        "prepare_threshold": None,
        "cursor_factory": psycopg.RawCursor,
        "autocommit": True,
    }
    source = credentials.source_of(database.settings_dict)
    connect: Callable[..., Any] = QueryConnection.connect
    if source and not settings.LEDGER_EXPLORER_PASSWORD:
        if isinstance(source, credentials.Secret):  # this secret belongs to another role
            raise NotSetUp(NOT_SET_UP.format(role=role))
        connect = partial(source.connect, QueryConnection.connect, parameters)
        parameters = {}
    try:
        found: QueryConnection = connect(**parameters)
    except psycopg.OperationalError as error:
        if _answers_others(database):
            raise NotSetUp(NOT_SET_UP.format(role=role)) from error
        raise
    return found


def _answers_others(database: Any) -> bool:
    """Returns whether the server of `database` answers a query that this process sends with its
    usual role. Then the server works, and only the explorer's role has a problem.
    """
    try:
        database.ensure_connection()
        with database.raw.limited_to(database.connect_seconds), database.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _check(connection: psycopg.Connection[Any]) -> None:
    role = settings.LEDGER_EXPLORER_ROLE
    sql = IS_SAFE.replace("%s", "$1")
    if connection.execute(sql.encode(), [role]).fetchone() != (True,):
        raise NotSetUp(NOT_SAFE.format(role=role))
    if connection.execute(IS_PREPARED.encode()).fetchone() != (True,):
        raise NotSetUp(NOT_PREPARED.format(role=role))


def _set(connection: psycopg.Connection[Any], reader: QueryReader, seconds: float) -> None:
    """Sets the settings of the session for this transaction only. Behind a pooler, another client
    may use the session afterwards.
    """
    values = {
        "search_path": reader.schema,
        "statement_timeout": f"{int(seconds * 1000)}ms",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "timezone": reader.time_zone or settings.TIME_ZONE,
        "client_min_messages": "error",  # a notice could repeat texts of any length
        "jit": "off",
        "work_mem": "16MB",
        "max_parallel_workers_per_gather": "0",
    }
    sets = [_set_local(name, value) for name, value in values.items()]
    connection.execute(Composed(sets))
    if token := reader.token():
        _set_token(connection, token)


def _set_token(connection: psycopg.Connection[Any], token: str) -> None:
    """Sets the token as a bound value, because all sessions of the role can read the texts of SQL
    statements in `pg_stat_activity`. A colleague's query could use a token in the text to read
    names.

    Binding needs the right to call `set_config`. A superuser can remove this right from the role
    and hide the texts of statements instead. The token is then part of the text.
    """
    if connection.execute(MAY_BIND).fetchone() == (True,):
        connection.execute(b"SELECT pg_catalog.set_config($1, $2, true)", [SETTING, token])
    else:
        connection.execute(_set_local(SETTING, token))


def _set_local(name: str, value: str) -> Composed:
    return SQL("SET LOCAL {} = {};").format(SQL(name), Literal(value))


def undo_settings(connection: psycopg.Connection[Any]) -> None:
    """Undoes the settings that a statement has made, such as its time limit."""
    connection.execute("ROLLBACK TO SAVEPOINT query")


def _forget(connection: psycopg.Connection[Any]) -> None:
    """Removes all state from the session, which a pooler keeps open after this connection is
    closed. ROLLBACK removes everything except session locks, which this function releases.
    """
    connection.execute("ROLLBACK TO SAVEPOINT query")
    connection.execute("SELECT pg_catalog.pg_advisory_unlock_all()")
    connection.execute("ROLLBACK")
