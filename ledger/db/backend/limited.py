"""A psycopg connection that limits how long it waits for the server.

Note [A server that hangs]: a server process can stop without dying, for example while it waits for
a stalled disk. The kernel still acknowledges data and keepalives, and `statement_timeout` does not
help because it runs in the stopped process. Therefore the connection measures how long the server
sends nothing while an answer is due. When this takes too long, the connection closes its socket.
The caller then sees a lost connection, and the outcome of a COMMIT is unknown.

A healthy server should end a long SQL statement itself, with the error 57014, so that nothing is
changed. Therefore the limit is `statement_timeout` plus GRACE. The limit also ends a COMMIT that
waits for a synchronous standby, which `statement_timeout` does not do.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg._preparing import Prepare, PrepareManager
from psycopg._queries import PostgresQuery
from psycopg.pq import TransactionStatus

from ledger.db.server import failed_servers

GRACE = 5.0  # seconds that a busy server may need to stop a SQL statement


MAX_COUNTED = 16 * 1024  # maximum number of bytes of a SQL statement that is counted


class ShortStatements(PrepareManager):
    """psycopg's list of SQL statements to prepare. Long statements are not added to the list.

    Note [Long statements are forgotten]: psycopg keeps the texts of the last 100 SQL statements of
    a connection in order to prepare frequent statements. Django puts the values into the text.
    Without this class, 100 parts of uploaded files could stay in memory, each as hexadecimal
    digits.
    """

    def maybe_add_to_cache(self, query: PostgresQuery, prep: Prepare, name: bytes) -> Any:
        """Counts a SQL statement, unless it is longer than MAX_COUNTED bytes."""
        if len(query.query) > MAX_COUNTED:
            return None
        return super().maybe_add_to_cache(query, prep, name)


class ServerHangs(psycopg.OperationalError):
    """An error for a server that sent nothing for too long. The connection is closed."""


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that closes itself if the server hangs.

    `silence_limit` is the maximum time in seconds without data from the server (None: no limit).
    The function `gives_up` is called every 0.1 s, and the connection closes if the function returns
    True. `answered_at` is the monotonic time of the last successful check. `server` is the server's
    name for logs.
    """

    silence_limit: float | None = None
    gives_up: Callable[[], bool] | None = None
    answered_at = 0.0
    server = ""
    _usual: float | None = None
    _longest: float | None = None  # the longest limit in the open transaction

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepared = ShortStatements()

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Any:
        """Connects like psycopg. If no connection can be opened, records the servers on the error:
        see `ledger.db.server.failed_servers`.
        """
        try:
            found = super().connect(conninfo, **parameters)
        except psycopg.Error as error:
            failed_servers.note_connecting(error, parameters)
            raise
        found.server = failed_servers.name_of(found.info.host, str(found.info.port))
        found.answered_at = monotonic()
        return found

    def limit_statements(self, timeout: float | None) -> None:
        """Sets the silence limit of the session, which is the maximum time without data from the
        server. `timeout` is the session's `statement_timeout` in seconds, or None if there is no
        timeout.
        """
        self._usual = timeout + GRACE if timeout else None
        self.limit_as_usual()

    def limit_transaction(self, timeout: float | None) -> None:
        """Sets the silence limit of the open transaction. `timeout` is the transaction's
        `statement_timeout` in seconds, or None if there is no timeout. Does nothing if the session
        has no silence limit.
        """
        if self._usual is None:
            return
        self.silence_limit = timeout + GRACE if timeout else None
        if self._longest is not None:
            self._longest = self.silence_limit and max(self._longest, self.silence_limit)

    def limit_as_usual(self) -> None:
        """Restores the silence limit of the session at the end of a transaction."""
        self.silence_limit = self._longest = self._usual

    def limit_after_savepoint(self) -> None:
        """Sets the silence limit to the longest limit of the open transaction so far. Called after
        a rollback to a savepoint, because an earlier `statement_timeout` may apply again.
        """
        self.silence_limit = self._longest

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """Waits for the server like psycopg. If the server sends nothing for longer than the
        silence limit, closes the connection and raises ServerHangs.
        """
        if self.silence_limit is None and self.gives_up is None:
            return super().wait(gen, *args, **options)
        return super().wait(self._limited(gen), *args, **options)

    @contextmanager
    def limited_to(self, seconds: float | None) -> Iterator[None]:
        """Sets the silence limit to `seconds` inside the block (None: no limit), and then restores
        the previous limit.
        """
        before, self.silence_limit = self.silence_limit, seconds
        try:
            yield
        finally:
            self.silence_limit = before

    def _limited(self, gen: Any) -> Generator[Any, Any, Any]:
        """Returns a generator that runs `gen` until the silence limit is over. psycopg sends 0 to
        the generator every 0.1 s while the socket is not ready.
        """
        last_word = monotonic()
        try:
            state = next(gen)
            while True:
                ready = yield state
                if ready:
                    last_word = monotonic()
                else:
                    self._give_up_after(last_word)
                state = gen.send(ready)
        except StopIteration as end:
            return end.value

    def _give_up_after(self, last_word: float) -> None:
        if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
            return  # no answer is due; the connection only waits for notifications
        silent = monotonic() - last_word
        is_too_long = self.silence_limit is not None and silent > self.silence_limit
        if is_too_long or (self.gives_up is not None and self.gives_up()):
            self.pgconn.finish()
            raise ServerHangs(f"the server does not answer: it sent nothing for {silent:.1f} s")
