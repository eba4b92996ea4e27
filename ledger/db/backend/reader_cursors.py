"""Cursors that send the reader's token together with a SQL statement, in the same round trip.

Note [Token with each transaction]: the token is a setting of one database transaction, so it does
not stay in the session. Outside a transaction, a pipeline makes one transaction of the token and
the SQL statement. Inside a transaction, the first SQL statement sends the token. Later statements
send it only if it has changed.

Behind a pooler, pipelines are not used. psycopg ends a pipeline with a message that gets no answer.
Because of this message, a pooler keeps a server session occupied until this client sends something
again. Behind a pooler, BEGIN and COMMIT make one transaction of the token and the SQL statement.
They need two more round trips.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ledger.db.rights.row_security import SETTING, SignedReader

SEND = f"SELECT set_config('{SETTING}', %s, true)"
# SET TRANSACTION must be the first SQL statement of a transaction that reads, so the token is sent
# with the next statement. The other commands need no token.
FIRST = ("SET TRANSACTION", "BEGIN", "COMMIT", "ROLLBACK")


class TokenState:
    """The token that was sent in the open transaction of a connection. `sent` is "" if no token was
    sent, and None if this is not known.
    """

    def __init__(self) -> None:
        self.sent: str | None = ""

    def to_send(self, raw: Any, reader: SignedReader | None, query: Any) -> str | None:
        """Returns the token that must be sent before this query. Returns None if no token must be
        sent.
        """
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
    """A mixin for psycopg cursors that sends the token. The code that creates the cursor sets
    `state`, `reader`, `prepares` and `is_pooled`.
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
        with self._transaction() if self.is_pooled else self.connection.pipeline():
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

    def _send(self, token: str) -> None:
        psycopg.Cursor(self.connection).execute(SEND, [token], prepare=self.prepares)

    def _transaction(self) -> AbstractContextManager[Any]:
        """Returns a context manager. If a transaction is open already, the block runs in this
        transaction. Otherwise the block runs in a new transaction.
        """
        raw = self.connection
        is_idle = raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE
        transaction: AbstractContextManager[Any] = raw.transaction() if is_idle else nullcontext()
        return transaction


class ReaderServerSideMixin(ReaderMixin):
    """A mixin for server-side cursors that sends the token. Such a cursor cannot be declared in a
    pipeline.
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
    """Returns a subclass of the cursor class `kind` that sends the token. `on_server` is true if
    `kind` is a class for server-side cursors.
    """
    mixin = ReaderServerSideMixin if on_server else ReaderMixin
    return type(kind.__name__, (mixin, kind), {})
