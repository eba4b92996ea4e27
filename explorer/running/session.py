"""The database session of one query.

Note [The wall]: the text of a query is a person's, so nothing of it is looked through for words.
What holds is the database:

- the session signs in as a role of its own, which is in no other role and owns nothing. It may
  SELECT from the views of the schema `explorer` and has no right to anything else, so `RESET ROLE`
  leads back to itself, and SET ROLE nowhere;
- the text is sent by the extended protocol, which takes one statement alone, and first parsed by
  itself; only if that succeeds is it sent again as the subquery of a SELECT, as which Postgres
  takes a query that reads and no other statement. Text that is whole by itself cannot close the
  bracket round it. The text in which the values stand in place of its parameters is parsed by
  itself too, and then executed where its error stays (Note [Trapped errors]);
- the transaction reads only, and always ends by ROLLBACK, so that no setting of it stays;
- each query has a session of its own, which ends with it: no lock, cursor or setting is there for
  the next person. What Postgres cannot stop keeps others out; see Note [Overdue queries];
- the views believe a signed token alone (`explorer.schema.functions`), whatever is set.
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

from explorer.access import ExplorerReader
from explorer.running.overdue import end_overdue, note_end, refuse_if_overdue
from explorer.schema.functions import SCHEMA, SETTING
from ledger.db import replicas
from ledger.db.backend.limited import LimitedConnection
from ledger.db.server import credentials

LOCK_SECONDS = 1
STOP_SECONDS = 2  # for a busy server to stop a statement
GIVEN_UP_AFTER = 3  # further seconds, in which it is already overdue
NOT_SET_UP = (
    "The explorer is not set up here: it signs in to the database as the role {role}, for which"
    " LEDGER_EXPLORER_PASSWORD is missing, or which the server does not let in. docs/explorer.md"
    " says how to make it."
)
NOT_PREPARED = (
    "The explorer is not set up here: its views are missing or older than this version, or the role"
    " {role} may not read them. manage.py prepare makes them (docs/explorer.md)."
)
NOT_SAFE = (
    "The explorer does not run: the role {role} may do more than read the explorer's views, or"
    " another role signed in. docs/explorer.md says how to make it."
)
# IAM of RDS lets only its members in; it has no rights of its own.
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
    """The explorer's role cannot sign in, or may do too much; the text says what to do."""


class QueryConnection(LimitedConnection):
    """A connection whose statements have the time of one query together: until `ends`, of the
    monotonic clock.
    """

    ends = 0.0

    def limit_next(self, most: float = inf) -> None:
        """Gives the next statement the time that is left, and `most` seconds. Raises QueryCanceled
        if none is left.
        """
        left = min(self.ends - monotonic(), most)
        if left <= 0:
            raise psycopg.errors.QueryCanceled
        self.silence_limit = longest_silence(left)
        self.execute(f"SET LOCAL statement_timeout = {ceil(left * 1000)}".encode())


@contextmanager
def read_only_session(reader: ExplorerReader, seconds: float) -> Iterator[QueryConnection]:
    """A new session of the explorer's role in a transaction that reads only; see Note [The wall].
    Its statements have `seconds` together.

    Raises NotSetUp, ExplorerBusy if too many others are overdue, psycopg's OperationalError if the
    server cannot be reached, or ReadAgain if a replica was to answer and another server did.
    """
    connection = _connect()
    try:
        connection.silence_limit = longest_silence(seconds)
        replicas.watch(connection)
        _check(connection)
        if _is_embedded():
            end_overdue(connection)  # such as one of a web process that ended
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
    """Ends what this server, if it is the embedded one, did not stop in time."""
    if _is_embedded():
        with suppress(psycopg.Error, NotSetUp), closing(_connect()) as connection:
            end_overdue(connection)


def _is_embedded() -> bool:
    return bool(connections[DEFAULT_DB_ALIAS].settings_dict.get("LEDGER_EMBEDDED"))


def longest_silence(seconds: float) -> float:
    """Returns after how many seconds without a word a query of so many is given up."""
    return seconds + STOP_SECONDS + GIVEN_UP_AFTER


def _connect() -> QueryConnection:
    """Where this thread's connection leads, which may be a replica, as the explorer's role."""
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
        if isinstance(source, credentials.Secret):  # it is the login of another role
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
    """Whether the same server lets this process in by its own login."""
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


def _set(connection: psycopg.Connection[Any], reader: ExplorerReader, seconds: float) -> None:
    """For the transaction alone: behind a pooler, another may have the session after it."""
    values = {
        "search_path": SCHEMA,
        "statement_timeout": f"{int(seconds * 1000)}ms",
        "lock_timeout": f"{LOCK_SECONDS}s",
        "timezone": settings.TIME_ZONE,
        "client_min_messages": "error",  # a notice repeats texts of any length
        "jit": "off",
        "work_mem": "16MB",
        "max_parallel_workers_per_gather": "0",
    }
    sets = [_set_local(name, value) for name, value in values.items()]
    connection.execute(Composed(sets))
    _set_token(connection, reader.token())


def _set_token(connection: psycopg.Connection[Any], token: str) -> None:
    """As a bound value: `pg_stat_activity` shows the text of a statement to all sessions of the
    role, and a colleague's query would read names by the token. Only a superuser can hide the text,
    who then also takes `set_config` from the role.
    """
    if connection.execute(MAY_BIND).fetchone() == (True,):
        connection.execute(b"SELECT pg_catalog.set_config($1, $2, true)", [SETTING, token])
    else:
        connection.execute(_set_local(SETTING, token))


def _set_local(name: str, value: str) -> Composed:
    return SQL("SET LOCAL {} = {};").format(SQL(name), Literal(value))


def begin_anew(connection: psycopg.Connection[Any]) -> None:
    """Undoes what a statement has set, such as its own limit of time."""
    connection.execute("ROLLBACK TO SAVEPOINT query")


def _forget(connection: psycopg.Connection[Any]) -> None:
    """Leaves nothing in the session: behind a pooler it lives on. ROLLBACK undoes all but locks of
    the session.
    """
    connection.execute("ROLLBACK TO SAVEPOINT query")
    connection.execute("SELECT pg_catalog.pg_advisory_unlock_all()")
    connection.execute("ROLLBACK")
