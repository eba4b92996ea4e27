"""The door to replicas: see Note [Where a read goes]."""

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
AT_A_TIME = 200  # rows of a stream
GONE = (Failure.UNKNOWN, Failure.NOT_STARTED)


def read(purpose: ReadPurpose, function: Callable[[], T]) -> T:
    """What the function returns, read from a replica if that may be.

    It must only read, and return no lazy queryset. Raises what it raises on the writer, or
    OperationalError if a query was stopped by its time limit.
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
    """The rows, read while they are sent; `rows` leaves out as many as it is told.

    If the replica fails meanwhile, the writer gives the rest, so their order must be one in which
    new rows come last.
    """
    reads = reads_of_request()
    replica = reads.replica() if reads else None
    if reads is None or replica is None:
        return iter(rows(0))
    return _streamed(replica, purpose, reads, rows)


def _streamed(
    replica: Replica, purpose: ReadPurpose, reads: RequestReads, rows: Callable[[int], Iterable[T]]
) -> Iterator[T]:
    given = 0
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
        given += len(part)
        if len(part) < AT_A_TIME:
            return
    yield from rows(given)


def is_on_replica() -> bool:
    """Whether statements of this thread go to a replica now."""
    reads = reads_of_request()
    return reads is not None and reads.reading is not None


def read_again() -> None:
    """Ends a function that a replica cannot serve, so that it runs on the writer. Does nothing
    there.
    """
    if is_on_replica():
        raise ReadAgain


def watch(raw: Any) -> None:
    """For a connection of psycopg that a function opened by itself: what waits on it is given up as
    soon as the replica no longer answers probes. Does nothing on the writer.
    """
    reads = reads_of_request()
    if reads is not None and reads.reading is not None:
        _give_up_with(reads.reading, raw)


def check_server(raw: Any) -> None:
    """Raises ReadAgain if such a connection leads to another server than the replica that answered
    the probes. Does nothing on the writer. Behind a pooler it holds for the open transaction only.
    """
    reads = reads_of_request()
    if reads is not None and reads.reading is not None and not reads.reading.is_same_server(raw):
        raise ReadAgain


def _may_repeat(replica: Replica, purpose: ReadPurpose, error: Error) -> bool:
    """Whether the writer may answer instead; notes why. What took too long here does so there."""
    failure = failure_of(error)
    if failure is Failure.TIMED_OUT:
        return False
    replica.repeated += 1
    counts.REPLICA_REPEATED.labels(replica.alias).inc()
    is_busy = reason_for(error) == Reason.POOL_IS_EMPTY.value  # many readers have all of it
    if failure in GONE and not is_busy:
        replica.leave_out(reason_for(error))
    log.write("replica.repeated", replica.alias, purpose=purpose.name, reason=reason_for(error))
    return True


@contextmanager
def _in_place_of_writer(
    replica: Replica, purpose: ReadPurpose, reads: RequestReads
) -> Iterator[None]:
    """Within the block, the connection "default" of this thread is that of the replica.

    It has the writer's reader (Note [Signed reader]), its execute wrappers and its log of queries.
    What waits there is given up as soon as the replica no longer answers probes.
    """
    writer: Any = connections[DEFAULT_DB_ALIAS]
    ours: Any = connections[replica.alias]
    own, raw = list(ours.execute_wrappers), None
    replica.begin()
    try:
        raw = _trusted(replica, ours)
        checks = [purpose.check]
        if ours.is_behind_pooler:
            checks.append(replica.check_each)
        else:
            _check_server(replica, ours)
        ours.reader, ours.transaction_wrapper = writer.reader, writer.transaction_wrapper
        ours.queries_log = writer.queries_log
        ours.force_debug_cursor = writer.force_debug_cursor
        # A wrapper of Django's puts its own wrappers before those of blocks.
        ours.execute_wrappers += [*writer.execute_wrappers[len(own) :], *checks]
        connections[DEFAULT_DB_ALIAS] = ours
        reads.reading = replica
        yield
    finally:
        reads.reading = None
        connections[DEFAULT_DB_ALIAS] = writer
        ours.execute_wrappers = own
        if raw is not None:
            raw.gives_up = None
        replica.end()


def _check_server(replica: Replica, ours: Any) -> None:
    """Raises ReadAgain, and closes the connection, if it leads to another server."""
    with ours.wrap_database_errors:
        is_same = replica.is_same_server(ours.connection)
    if not is_same:
        ours.close()
        raise ReadAgain


def _trusted(replica: Replica, ours: Any) -> Any:
    """The connection of psycopg, a new one where the server of the old one may hang."""
    ours.ensure_connection()
    if replica.distrusts(ours.raw):
        ours.close()
        ours.ensure_connection()
    raw = ours.raw
    _give_up_with(replica, raw)
    return raw


def _give_up_with(replica: Replica, raw: Any) -> None:
    raw.gives_up = lambda: replica.distrusts(raw)
