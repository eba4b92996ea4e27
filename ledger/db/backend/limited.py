"""psycopg's connection with a limit of time of its own.

Note [A server that hangs]: processes that stand still, as those that wait for a stalled disk, do
not look dead. Their kernel still acknowledges data and keepalives, and `statement_timeout` is
theirs, so it stands still too. So a connection counts the seconds for which the server sends
nothing while it owes an answer. After too many it closes its socket. For its caller the connection
is lost then: COMMIT is of unknown outcome.

A server that lives has to be the first to stop a statement, with 57014, which says that nothing was
done. So the limit follows `statement_timeout`, with a grace. It also ends the wait of a COMMIT for
a synchronous standby, which `statement_timeout` does not.
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

GRACE = 5.0  # seconds, for a busy server to stop a statement


LONGEST_COUNTED = 16 * 1024  # bytes of a statement


class ShortStatements(PrepareManager):
    """psycopg's list of statements to prepare, without long ones.

    Note [Long statements are forgotten]: psycopg keeps the texts of the last 100 statements of a
    connection and counts them, to prepare what comes often. Django puts the values into the text,
    so 100 parts of uploaded files would stay in memory, each as hexadecimal.
    """

    def maybe_add_to_cache(self, query: PostgresQuery, prep: Prepare, name: bytes) -> Any:
        """Counts a statement, unless it is long."""
        if len(query.query) > LONGEST_COUNTED:
            return None
        return super().maybe_add_to_cache(query, prep, name)


class ServerHangs(psycopg.OperationalError):
    """The server sent nothing for too long; the connection is closed."""


class LimitedConnection(psycopg.Connection[Any]):
    """A connection that gives up a server that hangs: `silence_limit` is after how many seconds
    without a word, None for never; `gives_up` is asked every 0.1 s whether to do so earlier.
    `answered_at` is the monotonic time of the last check that the server answered, `server` its
    name for logs.
    """

    silence_limit: float | None = None
    gives_up: Callable[[], bool] | None = None
    answered_at = 0.0
    server = ""
    _usual: float | None = None
    _longest: float | None = None  # of the open transaction

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepared = ShortStatements()

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> Any:
        """As psycopg's, with the servers noted at an error: see
        `ledger.db.server.failed_servers`.
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
        """Says which `statement_timeout` the session has, in seconds; None for none."""
        self._usual = timeout + GRACE if timeout else None
        self.limit_as_usual()

    def limit_transaction(self, timeout: float | None) -> None:
        """Says that `statement_timeout` was set until the open transaction ends; None for none.
        Does nothing in a session without one.
        """
        if self._usual is None:
            return
        self.silence_limit = timeout + GRACE if timeout else None
        if self._longest is not None:
            self._longest = self.silence_limit and max(self._longest, self.silence_limit)

    def limit_as_usual(self) -> None:
        """For the end of a transaction."""
        self.silence_limit = self._longest = self._usual

    def limit_after_savepoint(self) -> None:
        """For a rollback to a savepoint, after which an older `statement_timeout` may hold."""
        self.silence_limit = self._longest

    def wait(self, gen: Any, *args: Any, **options: Any) -> Any:
        """As psycopg's, for everything that waits for the server. Raises ServerHangs too."""
        if self.silence_limit is None and self.gives_up is None:
            return super().wait(gen, *args, **options)
        return super().wait(self._limited(gen), *args, **options)

    @contextmanager
    def limited_to(self, seconds: float | None) -> Iterator[None]:
        """Within the block, the server is given up after these seconds without a word."""
        before, self.silence_limit = self.silence_limit, seconds
        try:
            yield
        finally:
            self.silence_limit = before

    def _limited(self, gen: Any) -> Generator[Any, Any, Any]:
        """The same generator; psycopg sends it 0 every 0.1 s while the socket is not ready."""
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
            return  # nothing is owed: it waits for notifications
        silent = monotonic() - last_word
        is_too_long = self.silence_limit is not None and silent > self.silence_limit
        if is_too_long or (self.gives_up is not None and self.gives_up()):
            self.pgconn.finish()
            raise ServerHangs(f"the server does not answer: it sent nothing for {silent:.1f} s")
