"""Stores for each request whether it may read from a replica."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

from ledger.db.replicas.choice import CHOICES
from ledger.db.replicas.known import Replica
from ledger.db.replicas.prober import replicas
from ledger.db.replicas.purposes import writes_what_replicas_show
from ledger.db.replicas.writer import Needed

_current: ContextVar["RequestReads | None"] = ContextVar("replica_reads", default=None)


class RequestReads:
    """The replica reads of one request. `needed` returns the state that a replica must have
    replayed before it can serve the request's session. `may_read` returns whether a user is signed
    in. Neither function may send queries.
    """

    def __init__(self, needed: Callable[[], Needed], may_read: Callable[[], bool]) -> None:
        self._needed, self._may_read = needed, may_read
        self.has_written = False
        self.reading: Replica | None = None  # the replica on which the current read runs

    def note(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        """Runs a SQL statement and returns its result. Records whether the request has tried to
        write. This method is a Django execute wrapper.
        """
        if not self.has_written and (not isinstance(sql, str) or writes_what_replicas_show(sql)):
            self.has_written = True
        return execute(sql, params, many, context)

    def replica(self) -> Replica | None:
        """Returns the replica for the next read, or None if the read must use the writer."""
        if self.has_written or self.reading or not self._may_read():
            return None
        if connections[DEFAULT_DB_ALIAS].in_atomic_block:
            return None
        needed = self._needed()
        found = [each for each in replicas() if each.can_serve(needed)]
        return CHOICES[settings.DATABASE_REPLICA_CHOICE](found) if found else None


def reads_of_request() -> RequestReads | None:
    """Returns the RequestReads of the current request, or None if the request may not read from
    replicas.
    """
    return _current.get()


@contextmanager
def request_reads(reads: RequestReads) -> Iterator[None]:
    """Allows replica reads inside the block, and records the writes of the block."""
    token = _current.set(reads)
    try:
        with connections[DEFAULT_DB_ALIAS].execute_wrapper(reads.note):
            yield
    finally:
        _current.reset(token)
