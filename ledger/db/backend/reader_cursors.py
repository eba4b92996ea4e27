"""Cursors that send the reader's token together with a statement, in the same round trip.

Note [Token with each transaction]: the token is a setting of one database transaction, so no
session keeps it. Outside a transaction, a pipeline makes the token and the statement one
transaction. In a transaction, the first statement sends the token; later statements send it only if
it has changed.

Behind a pooler, pipelines are not used: psycopg ends a pipeline with a message that gets no answer,
and because of it a pooler keeps a server session busy until this client sends something again.
BEGIN and COMMIT, two more round trips, make the token and the statement one transaction there.
"""

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

from ledger.db.rights.row_security import SETTING, SignedReader

SEND = f"SELECT set_config('{SETTING}', %s, true)"
# SET TRANSACTION must be the first statement of a transaction that reads, so the token comes with
# the next statement. The other commands need no token.
FIRST = ("SET TRANSACTION", "BEGIN", "COMMIT", "ROLLBACK")


class TokenState:
    """The token that the open transaction of a connection has; None if this is not known."""

    def __init__(self) -> None:
        self.sent: str | None = ""

    def to_send(self, raw: Any, reader: SignedReader | None, query: Any) -> str | None:
        """Returns the token to send before this query, or None if there is nothing to send."""
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
        # Outside a transaction, the token ends with this statement. Django's next transaction may
        # begin on a cursor that this class does not see.
        commits_itself = status == TransactionStatus.IDLE and raw.autocommit
        self.sent = "" if commits_itself else wanted
        return wanted


class ReaderMixin:
    """A psycopg cursor that sends the token. `state`, `reader`, `prepares` and `is_pooled` are set
    when the cursor is made.
    """

    connection: Any
    state: TokenState
    reader: SignedReader | None
    prepares: bool
    is_pooled: bool  # behind a pooler in transaction mode

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
        """Returns a context manager: the transaction that is already open, or a new one for the
        block.
        """
        raw = self.connection
        is_idle = raw.autocommit and raw.pgconn.transaction_status == TransactionStatus.IDLE
        transaction: AbstractContextManager[Any] = raw.transaction() if is_idle else nullcontext()
        return transaction


class ReaderServerSideMixin(ReaderMixin):
    """A server-side cursor that sends the token. Such a cursor cannot be declared in a pipeline."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        token = self.state.to_send(self.connection, self.reader, None)
        declare = super(ReaderMixin, self).execute  # type: ignore[misc]
        # Outside a transaction, the cursor is WITH HOLD: Postgres keeps its rows when this
        # transaction ends.
        with self._transaction() if token else nullcontext():
            if token is not None:
                self._send(token)
            return declare(query, params, **options)


@cache
def with_reader(kind: type, *, on_server: bool = False) -> Any:
    """Returns a subclass of this cursor class that sends the token."""
    mixin = ReaderServerSideMixin if on_server else ReaderMixin
    return type(kind.__name__, (mixin, kind), {})
