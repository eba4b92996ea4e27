"""Functions that read from a replica: see Note [Where a read goes]."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, Error, connections

from ledger.db import counts
from ledger.db.outages.reasons import Reason
from ledger.db.replicas import log
from ledger.db.replicas.known import ReadAgain, Replica, reason_for
from ledger.db.replicas.purposes import ReadPurpose
from ledger.db.replicas.requests import RequestReads, reads_of_request
from ledger.db.retry import Failure, failure_of

T = TypeVar("T")
AT_A_TIME = 200  # rows that a stream reads at a time
GONE = (Failure.UNKNOWN, Failure.NOT_STARTED)


def read(purpose: ReadPurpose, function: Callable[[], T]) -> T:
    """Returns the result of `function`. The function reads from a replica if the request may use a
    replica, and otherwise from the writer.

    `function` must only read, and must not return a lazy queryset. Raises the exceptions that
    `function` raises on the writer, and OperationalError if a query takes too long.
    """
    reads = reads_of_request()
    replica = reads.replica() if reads else None
    if reads is None or replica is None:
        return function()
    try:
        with _in_place_of_writer(replica, purpose, reads):
            return function()
    except Error as error:
        if not _may_repeat(replica, purpose, error):
            raise
    return function()


def stream(purpose: ReadPurpose, rows: Callable[[int], Iterable[T]]) -> Iterator[T]:
    """Yields rows one after the other for a streamed response. `rows` is a function whose argument
    is the number of rows to skip.

    If the replica fails, the remaining rows come from the writer. Therefore the order of the rows
    must put new rows last.
    """
    reads = reads_of_request()
    replica = reads.replica() if reads else None
    if reads is None or replica is None:
        return iter(rows(0))
    return _streamed(replica, purpose, reads, rows)


def _streamed(
    replica: Replica, purpose: ReadPurpose, reads: RequestReads, rows: Callable[[int], Iterable[T]]
) -> Iterator[T]:
    sent = 0
    source: Iterator[T] | None = None
    while True:
        try:
            with _in_place_of_writer(replica, purpose, reads):
                source = source or iter(rows(0))
                part = list(islice(source, AT_A_TIME))
        except Error as error:
            if not _may_repeat(replica, purpose, error):
                raise
            break
        yield from part
        sent += len(part)
        if len(part) < AT_A_TIME:
            return
    yield from rows(sent)


def is_on_replica() -> bool:
    """Returns whether this thread's SQL statements currently run on a replica."""
    reads = reads_of_request()
    return reads is not None and reads.reading is not None


def read_again() -> None:
    """Makes the current read run again on the writer. On a replica, raises ReadAgain. On the
    writer, does nothing.
    """
    if is_on_replica():
        raise ReadAgain


def watch(raw: Any) -> None:
    """Makes a psycopg connection of the caller stop waiting when the replica no longer answers
    probes. Does nothing on the writer.
    """
    reads = reads_of_request()
    if reads is not None and reads.reading is not None:
        _give_up_with(reads.reading, raw)


def check_server(raw: Any) -> None:
    """Raises ReadAgain if a psycopg connection of the caller is not to the server that answered the
    probes. Does nothing on the writer. Behind a pooler, the check is valid only for the open
    transaction.
    """
    reads = reads_of_request()
    if reads is not None and reads.reading is not None and not reads.reading.is_same_server(raw):
        raise ReadAgain


def _may_repeat(replica: Replica, purpose: ReadPurpose, error: Error) -> bool:
    """Returns whether the read may run again on the writer. If it may, also counts and logs the
    repetition. A query that timed out is not repeated, because it would also time out on the
    writer.
    """
    failure = failure_of(error)
    if failure is Failure.TIMED_OUT:
        return False
    replica.repeated += 1
    counts.REPLICA_REPEATED.labels(replica.alias).inc()
    # Readers use all connections of the pool.
    is_busy = reason_for(error) == Reason.POOL_IS_EMPTY.value
    if failure in GONE and not is_busy:
        replica.leave_out(reason_for(error))
    log.write("replica.repeated", replica.alias, purpose=purpose.name, reason=reason_for(error))
    return True


@contextmanager
def _in_place_of_writer(
    replica: Replica, purpose: ReadPurpose, reads: RequestReads
) -> Iterator[None]:
    """Replaces this thread's connection "default" with the replica's connection inside the block.

    The replica's connection uses the signed reader (Note [Signed reader]), the execute wrappers and
    the query log of the writer's connection. The connection stops waiting when the replica no
    longer answers probes.
    """
    writer: Any = connections[DEFAULT_DB_ALIAS]
    database: Any = connections[replica.alias]
    wrappers, raw = list(database.execute_wrappers), None
    replica.begin()
    try:
        raw = _trusted(replica, database)
        checks = [purpose.check]
        if database.is_behind_pooler:
            checks.append(replica.check_each)
        else:
            _check_server(replica, database)
        database.reader, database.transaction_wrapper = writer.reader, writer.transaction_wrapper
        database.queries_log = writer.queries_log
        database.force_debug_cursor = writer.force_debug_cursor
        # Django puts the wrappers of a connection before the wrappers of blocks.
        database.execute_wrappers += [*writer.execute_wrappers[len(wrappers) :], *checks]
        connections[DEFAULT_DB_ALIAS] = database
        reads.reading = replica
        yield
    finally:
        reads.reading = None
        connections[DEFAULT_DB_ALIAS] = writer
        database.execute_wrappers = wrappers
        if raw is not None:
            raw.gives_up = None
        replica.end()


def _check_server(replica: Replica, database: Any) -> None:
    """Checks that the connection is to the server that answered the probes. Otherwise closes the
    connection and raises ReadAgain.
    """
    with database.wrap_database_errors:
        is_same = replica.is_same_server(database.connection)
    if not is_same:
        database.close()
        raise ReadAgain


def _trusted(replica: Replica, database: Any) -> Any:
    """Returns the psycopg connection to the replica. Opens a new connection if the server of the
    existing connection may hang.
    """
    database.ensure_connection()
    if replica.distrusts(database.raw):
        database.close()
        database.ensure_connection()
    raw = database.raw
    _give_up_with(replica, raw)
    return raw


def _give_up_with(replica: Replica, raw: Any) -> None:
    raw.gives_up = lambda: replica.distrusts(raw)
