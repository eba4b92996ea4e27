"""Cursors that send a token together with a SQL statement, in one round trip. The token identifies
the user whose rows the statement may read (Note [Signed reader]).

Note [Token with each transaction]: the token is a setting of one database transaction. Inside a
transaction, the first SQL statement sends the token, and later statements send a token only if the
token has changed. Outside a transaction, a pipeline sends the token and a SELECT as one
transaction.

Outside a transaction, each other SQL statement is followed by COMMIT in its own round trip, because
the statement may fail at the end of the transaction, for example at a deferred constraint. If the
end of a pipeline is the end of the transaction, libpq returns such an error as one more result, and
psycopg (3.3) raises an OperationalError or an IndexError instead.

Behind a pooler, pipelines are not used, because they would occupy a server session until this
client sends something again. Instead, BEGIN and COMMIT make one transaction of the token and the
SQL statement. This needs three more round trips.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ledger.db.rights.row_security import SETTING, SignedReader

SEND = f"SELECT set_config('{SETTING}', %s, true)"
# SET TRANSACTION must be the first SQL statement of a transaction that reads, so the token is sent
# with the next statement. The other commands need no token.
FIRST = ("SET TRANSACTION", "BEGIN", "COMMIT", "ROLLBACK")
OPEN = (TransactionStatus.INTRANS, TransactionStatus.INERROR)
# Django puts a SELECT with a limit in brackets if it is a part of a UNION.
READS = ("SELECT", "(SELECT")


class TokenState:
    """The token that the open transaction of a connection has sent. `sent` is "" if no token was
    sent, and None if it is not known whether a token was sent.
    """

    def __init__(self) -> None:
        self.sent: str | None = ""

    def to_send(self, raw: Any, reader: SignedReader | None, query: Any) -> str | None:
        """Returns the token to send before this query, or None if no token is needed."""
        status = raw.pgconn.transaction_status
        if status not in (TransactionStatus.IDLE, TransactionStatus.INTRANS):
            return None
        if isinstance(query, str) and query.lstrip().startswith(FIRST):
            if status == TransactionStatus.IDLE:
                self.sent = ""
            return None
        wanted = reader.token() if reader else ""
        if status == TransactionStatus.IDLE:
            self.sent = ""
        if wanted == self.sent:
            return None
        # Outside a transaction, the token is valid only for this SQL statement. Django's next
        # transaction may begin on a cursor that this class does not see.
        commits_itself = status == TransactionStatus.IDLE and raw.autocommit
        self.sent = "" if commits_itself else wanted
        return wanted


class ReaderMixin:
    """A mixin for psycopg cursors that send the token of the signed reader. The code that creates
    the cursor sets `state`, `reader`, `prepares` and `is_pooled`.
    """

    connection: Any
    state: TokenState
    reader: SignedReader | None
    prepares: bool
    is_pooled: bool  # whether there is a pooler in transaction mode

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        token = self.state.to_send(self.connection, self.reader, query)
        if token is None:
            return super().execute(query, params, **options)  # type: ignore[misc]
        with self._together(query):
            self._send(token)
            super().execute(query, params, **options)  # type: ignore[misc]
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        for params in params_seq:
            self.execute(query, params, **options)

    def copy(self, *args: Any, **kwargs: Any) -> Any:
        token = self.state.to_send(self.connection, self.reader, None)
        if token is not None:
            self._send(token)
        return super().copy(*args, **kwargs)  # type: ignore[misc]

    def _together(self, query: Any) -> AbstractContextManager[Any]:
        """Returns a context manager that runs the SQL statements of the block, which are the token
        and `query`, in one transaction.
        """
        if self.is_pooled:
            return self._transaction()
        reads = isinstance(query, str) and query.lstrip().startswith(READS)
        if self._is_idle and not reads:
            return self._pipeline_and_commit()
        pipeline: AbstractContextManager[Any] = self.connection.pipeline()
        return pipeline

    @contextmanager
    def _pipeline_and_commit(self) -> Iterator[None]:
        raw = self.connection
        try:
            with raw.pipeline():
                psycopg.Cursor(raw).execute("BEGIN", prepare=False)
                yield
        except BaseException:
            if raw.pgconn.transaction_status in OPEN:
                raw.rollback()
            raise
        raw.commit()

    def _send(self, token: str) -> None:
        psycopg.Cursor(self.connection).execute(SEND, [token], prepare=self.prepares)

    def _transaction(self) -> AbstractContextManager[Any]:
        """Returns a context manager that runs the block in a transaction. An open transaction is
        used if there is one.
        """
        transaction: AbstractContextManager[Any] = (
            self.connection.transaction() if self._is_idle else nullcontext()
        )
        return transaction

    @property
    def _is_idle(self) -> bool:
        """Whether no transaction is open, so that the next SQL statement is a transaction by
        itself.
        """
        raw = self.connection
        return bool(raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE)


class ReaderServerSideMixin(ReaderMixin):
    """A mixin for server-side cursors that send the token of the signed reader. A server-side
    cursor cannot be declared in a pipeline.
    """

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        token = self.state.to_send(self.connection, self.reader, None)
        declare = super(ReaderMixin, self).execute  # type: ignore[misc]
        # Outside a transaction, the cursor is WITH HOLD, so Postgres keeps its rows after this
        # transaction.
        with self._transaction() if token else nullcontext():
            if token is not None:
                self._send(token)
            return declare(query, params, **options)


@cache
def with_reader(kind: type, *, on_server: bool = False) -> Any:
    """Returns a subclass of the cursor class `kind` that sends the token of the signed reader.
    `on_server` is true for server-side cursors.
    """
    mixin = ReaderServerSideMixin if on_server else ReaderMixin
    return type(kind.__name__, (mixin, kind), {})
