"""Django's database backend for Postgres, extended with time limits, pools and failovers.

`LEDGER_TIMEOUTS` maps Postgres settings to seconds. A new connection sends these settings while it
is opened. Only `transaction_timeout` (Postgres 17 and later) is sent directly afterwards.
`LEDGER_POOLER` means that a pooler in transaction mode runs between Ledger and Postgres. In this
case the backend sends no session settings.
"""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from time import monotonic
from typing import Any

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.utils import DatabaseErrorWrapper, IntegrityError, ProgrammingError
from django.utils.asyncio import async_unsafe
from django.utils.functional import cached_property
from psycopg import sql
from psycopg.pq import TransactionStatus

from ledger.db.backend import forks, pool_counts, replication
from ledger.db.backend.client import DatabaseClient
from ledger.db.backend.cursors import WithCursors
from ledger.db.backend.health import Demotion
from ledger.db.backend.limited import LimitedConnection
from ledger.db.backend.pool import (
    Psycopg,
    fit_connection,
    is_distrusted,
    new_pool,
    noting_refusal,
)
from ledger.db.backend.schema import DatabaseSchemaEditor
from ledger.db.backend.times import adapters_for
from ledger.db.history import facts
from ledger.db.rights.registered_tables import hint_for_denied_table, hint_for_refused_row
from ledger.db.server import credentials, failed_servers
from ledger.db.server.versions import HAS_TRANSACTION_TIMEOUT

# Note [Clean sessions]: injected SQL could leave something in the session for the next person who
# uses this connection: a cursor WITH HOLD with rows of the whole bank, the attacker's token as a
# session setting, another role, or a different SQL statement under the name of a prepared
# statement. Therefore the backend clears the session when a request under row-level security ends,
# and always before a connection returns to a pool. If there is a transaction pooler, the pooler
# must clear the session (docs/databases.md).
CLEAN = sql.SQL(
    "RESET ROLE; RESET ALL; CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; SELECT pg_advisory_unlock_all();"
    " DISCARD SEQUENCES; DISCARD TEMP; SET TIME ZONE {}"
)


class PlacedErrors(DatabaseErrorWrapper):
    """Django's error wrapper, which also records on a psycopg error which server failed."""

    wrapper: "DatabaseWrapper"

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, psycopg.Error):
            failed_servers.note_server(error, self.wrapper.server)
        try:
            super().__exit__(kind, error, traceback)
        except ProgrammingError as found:
            if hint := hint_for_denied_table(error):
                found.add_note(hint)
            raise
        except IntegrityError as found:
            if hint := hint_for_refused_row(error):
                found.add_note(hint)
            raise


class DatabaseWrapper(WithCursors):
    client_class = DatabaseClient
    SchemaEditorClass = DatabaseSchemaEditor
    embedded_server: Any = None  # see ledger.db.server.embedded
    # If this attribute is set, it is called with BEGIN, COMMIT or ROLLBACK and a function that
    # sends the command. Django sends these commands without a cursor, so `execute_wrapper` does not
    # see them.
    transaction_wrapper: Callable[[str, Callable[[], None]], None] | None = None
    # The tracer of SQL statements and commits, or None: see Note [Spans of a transaction].
    spans: Any = None
    server = ""  # the name of the server of the latest connection of this wrapper
    answers = 0  # how many SQL statements of this wrapper succeeded
    _login = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._demotion = Demotion()
        self.execute_wrappers += [facts.send_facts, self._demotion.watch, self._check_confirmed]
        if self.spans is not None:
            self.execute_wrappers.insert(0, self.spans.statement)
        self.Database: Any = Psycopg(self.open)
        forks.register(self)

    @cached_property
    def wrap_database_errors(self) -> DatabaseErrorWrapper:
        return PlacedErrors(self)

    def open(self, conninfo: str = "", **parameters: Any) -> Any:
        """Returns a new raw connection. If the server hangs, the connection closes itself: see Note
        [A server that hangs].

        The caller must close the connection, unless the caller is this wrapper or its pool. Raises
        psycopg.Error if no connection can be opened.
        """
        pool = self._existing_pool
        try:
            found = self._opened(conninfo, parameters)
        except psycopg.Error as error:
            failed_servers.note_connecting(error, parameters)
            failed_servers.note_not_opened(error)
            if pool is not None:
                pool.refused_by = error
            raise
        if pool is not None:
            pool.refused_by = None
        self._limit_as_new(self.target(found))
        return found

    def open_within(self, seconds: int) -> Any:
        """Opens a connection like `open`. `seconds` is the time limit for each host."""
        return self.open(**self.get_connection_params() | {"connect_timeout": seconds})

    def _limit_as_new(self, raw: LimitedConnection) -> None:
        raw.limit_statements(self.settings_dict.get("LEDGER_TIMEOUTS", {}).get("statement_timeout"))
        raw.gives_up = None

    def _opened(self, conninfo: str, parameters: dict[str, Any]) -> Any:
        connect = LimitedConnection.connect
        if source := credentials.source_of(self.settings_dict):
            return source.connect(partial(connect, conninfo), parameters)
        return connect(conninfo, **parameters)

    @property
    def connect_seconds(self) -> float | None:
        """The time limit in seconds for connecting to a host and for checking or cleaning a
        session. None means no limit.
        """
        return float(self.settings_dict["OPTIONS"].get("connect_timeout") or 0) or None

    def limit_transaction(self, seconds: float | None) -> None:
        """Limits how long the open transaction waits without data from the server. After this time
        the connection closes. `seconds` is the `statement_timeout` of the transaction, or None if
        there is no timeout.
        """
        if self.raw is not None:
            self.raw.limit_transaction(seconds)

    @property
    def required_options(self) -> dict[str, Any]:
        """The connection options that contain requirements on the server, such as
        `target_session_attrs`.
        """
        options: dict[str, Any] = self.settings_dict["OPTIONS"]
        return options

    def login_for_programs(self) -> dict[str, Any]:
        """Returns HOST, PORT, USER and PASSWORD for Postgres programs such as pg_dump, for the
        server of this connection. Returns an empty dict if AWS does not issue the logins.
        """
        source = credentials.source_of(self.settings_dict)
        if source is None:
            return {}
        self.ensure_connection()
        info = self.raw.info
        user = str(self.settings_dict["USER"])
        login = source.login(credentials.Place(info.host, info.port, user))
        there = {"HOST": info.host, "PORT": str(info.port)}
        return {**there, "USER": login.user, "PASSWORD": login.password}

    @property
    def login(self) -> str:
        """The role of this connection. Connects to the server if necessary."""
        self.ensure_connection()
        # The connection is closed; the next connection has the same role.
        with suppress(psycopg.Error):
            self._login = str(self.raw.info.user)
        return self._login

    @property
    def pool(self) -> Any:
        """The pool of this alias, or None: see Note [Parameters of a pool]."""
        if self.alias == NO_DB_ALIAS or not self.settings_dict["OPTIONS"].get("pool"):
            return None
        pools: dict[str, Any] = self._connection_pools  # type: ignore[attr-defined]
        if self.alias not in pools:
            pools.setdefault(self.alias, new_pool(self))
        return pools[self.alias]

    def distrust_pool(self) -> None:
        """Makes the pool reject all connections that were last checked before now."""
        if (pool := self._existing_pool) is not None:
            pool.hung_at = monotonic()

    @property
    def _existing_pool(self) -> Any:
        """The pool, or None if the pool was not created yet."""
        pools: dict[str, Any] = self._connection_pools  # type: ignore[attr-defined]
        return pools.get(self.alias)

    def forget_connection(self, inherited: list[Any]) -> None:
        """Moves the parent's connection and pools into the list `inherited`. Called in a forked
        process, which must not use the parent's connections: see Note [Forked processes].
        """
        pools: dict[str, Any] = self._connection_pools  # type: ignore[attr-defined]
        inherited += [self.connection, *pools.values()]
        pools.clear()
        self.connection = None
        if self.in_atomic_block:
            self.closed_in_transaction = self.needs_rollback = True

    def _set_autocommit(self, autocommit: bool) -> None:
        send = partial(super()._set_autocommit, autocommit)  # type: ignore[misc]
        if autocommit:  # autocommit is switched on after a transaction; Django sends no command
            send()
        else:
            self._send("BEGIN", send)

    def _commit(self) -> None:
        if isinstance(self.raw, LimitedConnection):
            self.raw.limit_as_usual()
        self._end("COMMIT", self._commit_confirmed)

    def _commit_confirmed(self) -> None:
        self._send("COMMIT", super()._commit)  # type: ignore[misc]
        replication.check_confirmed(self.connection)

    def _check_confirmed(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        """Runs a SQL statement and returns its result. If the statement commits by itself, also
        checks that a standby confirmed the commit. This method is a Django execute wrapper.
        """
        result = execute(sql, params, many, context)
        self.answers += 1
        replication.check_confirmed(self.connection)
        return result

    def _rollback(self) -> None:
        if isinstance(self.raw, LimitedConnection):
            self.raw.limit_as_usual()
        self._end("ROLLBACK", partial(self._send, "ROLLBACK", super()._rollback))  # type: ignore[misc]

    def _end(self, command: str, send: Callable[[], None]) -> None:
        self._token.sent = ""  # the token is valid only until the end of its transaction
        if self.spans is None:
            send()
        else:
            self.spans.end_transaction(self, command, send)

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self.raw.limit_after_savepoint()
        self._token.sent = None  # the token may have been set after the savepoint

    def forget_reader(self) -> None:
        """Removes the signed reader (Note [Signed reader]) from the connection, and cleans the
        session: see Note [Clean sessions]. If the session cannot be cleaned, closes the connection.
        """
        self.reader = None
        raw = self.raw
        if raw is not None and not self.in_atomic_block and not self._is_cleaned(raw):
            self.close()

    def _is_cleaned(self, raw: Any) -> bool:
        """Cleans the session. Returns False if the cleaning fails."""
        if raw.pgconn.transaction_status != TransactionStatus.IDLE:
            return False
        if self.is_behind_pooler:
            # the pooler cleans it: the session may already serve another client
            return True
        try:
            raw._prepared.clear()  # the statements that psycopg prepared in this session
            with raw.limited_to(self.connect_seconds):
                raw.execute(CLEAN.format(self.timezone_name), prepare=False)
                self._configure_role(raw)  # type: ignore[attr-defined]
                self._set_transaction_timeout(raw)
        except psycopg.Error:  # for example, the server has stopped
            return False
        return True

    def _send(self, command: str, send: Callable[[], None]) -> None:
        if self.transaction_wrapper:
            self.transaction_wrapper(command, send)
        else:
            send()

    @contextmanager
    def _nodb_cursor(self) -> Iterator[Any]:
        """Yields Django's cursor for a connection to the database `postgres`. Suppresses Django's
        warning if this connection fails, because the error that follows contains the reason.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Normally Django will use", RuntimeWarning)
            with super()._nodb_cursor() as cursor:
                yield cursor

    def get_connection_params(self) -> dict[str, Any]:
        parameters = super().get_connection_params()
        parameters["context"] = adapters_for(self.timezone)
        timeouts = {
            name: seconds
            for name, seconds in self.settings_dict.get("LEDGER_TIMEOUTS", {}).items()
            if seconds and name != "transaction_timeout" and not self.is_behind_pooler
        }
        if options := " ".join(f"-c {name}={seconds}s" for name, seconds in timeouts.items()):
            parameters["options"] = f"{parameters.get('options', '')} {options}".strip()
        return parameters

    def _configure_connection(self, connection: Any) -> bool:
        # this is done here because a pool calls this method for each new connection
        forks.register_connection(connection)
        replication.listen(connection)
        with self.target(connection).limited_to(self.connect_seconds):
            is_changed = bool(super()._configure_connection(connection))  # type: ignore[misc]
            return self._set_transaction_timeout(connection) or is_changed

    def _set_transaction_timeout(self, raw: Any) -> bool:
        seconds = self.settings_dict.get("LEDGER_TIMEOUTS", {}).get("transaction_timeout")
        is_known = raw.info.server_version >= HAS_TRANSACTION_TIMEOUT
        if not seconds or not is_known or self.is_behind_pooler:
            return False
        raw.execute(f"SET transaction_timeout = '{seconds}s'", prepare=False)
        return True

    def is_usable(self) -> bool:
        """Returns whether the server answers. If the options require a server that accepts writes,
        returns False for a read-only server. Needs one round trip.
        """
        if self.raw is None:
            return False
        try:
            with self.raw.limited_to(self.connect_seconds), self.raw.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg.Error:
            return False
        return not self._demotion.is_known(self.raw, self.required_options)

    def connect(self) -> None:
        self._demotion.refused_write = False
        super().connect()
        self.server = self.raw.server

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        take = partial(super().get_new_connection, conn_params)
        if not self.pool:
            return take()
        with pool_counts.taking(self), noting_refusal(self.pool):
            return fit_connection(take, self)

    def _close(self) -> None:
        """Closes this wrapper's connection or returns it to the pool. A connection that the pool
        must not reuse is closed first.
        """
        raw = self.raw
        if raw is not None and self.pool and self._must_end(raw):
            self.connection.close()
        super()._close()  # type: ignore[misc]
        if raw is not None and self.pool:
            pool_counts.returned(self)

    def _must_end(self, raw: Any) -> bool:
        if self._demotion.is_known(raw, self.required_options):
            return True
        if self.errors_occurred or is_distrusted(raw, self.pool):  # the server may never answer
            return True
        if raw.pgconn.transaction_status == TransactionStatus.IDLE:
            raw.autocommit = True  # the pool created the connection in this mode
        self._limit_as_new(raw)
        return not self._is_cleaned(raw)
