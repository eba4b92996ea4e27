"""Classifies database errors, and runs failed work again if that is safe.

There are three cases. The SQLSTATEs are from PostgreSQL's appendix A.

* **lost race, not started**: nothing was committed. The whole transaction may run again, but not a
  part of it. Therefore nothing is repeated inside an atomic block.
* **unknown**: the connection was lost, perhaps during COMMIT, or the synchronous standby did not
  confirm the commit. The work may run again only if it can find out whether it was committed. For
  this it needs ids that were created before the first attempt.
* **final**: a broken rule, a wrong value or a bug. A second attempt would fail too.
"""

import functools
import random
import time
import uuid
from collections.abc import Callable
from enum import Enum
from itertools import count
from typing import ParamSpec, TypeVar

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connections,
)
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from ledger.db import counts
from ledger.db.server import failed_servers
from ledger.tracing import spans

P = ParamSpec("P")
R = TypeVar("R")

# serialization_failure, deadlock_detected, lock_not_available
LOST_RACES = frozenset({"40001", "40P01", "55P03"})
# idle_in_transaction_session_timeout, transaction_timeout: ended before COMMIT was sent.
# too_many_connections, cannot_connect_now, two connection errors: the transaction never began.
# read_only_sql_transaction: the server is a standby now, so another server is the primary.
# 08S02: AWS's driver changed the server before COMMIT was sent (ledger.db.aws.errors).
NOT_STARTED = frozenset({"25P03", "25P04", "53300", "57P03", "08001", "08004", "08S02", "25006"})
# admin_shutdown, crash_shutdown, idle_session_timeout, statement_completion_unknown, and the
# connection exceptions of class 08, which poolers send. A dropped connection has no SQLSTATE.
CUT_OFF = frozenset(
    {"57P01", "57P02", "57P05", "40003", "08000", "08003", "08006", "08007", "08P01"}
)
# The pool of this process had no free connection.
NO_CONNECTION = (PoolTimeout, PoolClosed, TooManyRequests)
# The pool had no free connection, or no host answered in time.
NEVER_CONNECTED = (*NO_CONNECTION, psycopg.errors.ConnectionTimeout)
TIMED_OUT = "57014"  # query_canceled, because of statement_timeout

# This attempt has already waited for lock_timeout and occupied a thread of the web server. If it
# waited for the same row again, one locked account could occupy all threads.
LOCK_TIMED_OUT = "55P03"

# The note on Django's error for a durable transaction inside another one.
COMMITS_ITSELF = (
    "This function commits, so call it outside of atomic(). docs/posting.md explains how to book"
    " several payments, or write other rows too, in one transaction."
)
TRIES = 5  # number of attempts after lost races
FIRST_PAUSE = 0.01  # seconds; the pause doubles with each attempt
# Seconds. A server that restarts, or a standby that is promoted, needs about half a second.
FIRST_PAUSE_UNTIL_BACK, LONGEST_PAUSE, UNTIL_BACK = 0.1, 0.5, 3.0


class Failure(Enum):
    """The kind of a transaction's failure, and which part of the transaction was committed.

    A Failure describes only this transaction, not an earlier attempt with the same id. If the
    COMMIT of the earlier attempt still waits for a standby, other sessions do not see its rows. A
    second attempt then waits for the locks of the earlier attempt, and ends with LOST_RACE or
    TIMED_OUT.
    """

    LOST_RACE = "nothing: another transaction held the locks"
    NOT_STARTED = "nothing: no connection, or the server ended it before COMMIT"
    UNKNOWN = "nothing or all of it: the connection was lost while it ran, or nobody confirmed it"
    TIMED_OUT = "nothing: it took longer than statement_timeout"
    FINAL = "nothing: it would fail again"


NOTHING_DONE = frozenset({Failure.LOST_RACE, Failure.NOT_STARTED})
BROKEN_RULE = (IntegrityError, DataError)
# Failures of a new connection. They may hide the failure of the old connection.
MAY_HIDE = frozenset({Failure.NOT_STARTED, Failure.FINAL})


class OutcomeUnknown(OperationalError):
    """An error for work that may or may not be committed. Either the connection was lost during
    COMMIT and could not be restored, or the standby did not confirm the commit. A failover may lose
    a commit that was not confirmed.

    The caller may repeat the call with the same id, because the work is done at most once. `ids`
    contains the ids of the rows that may be booked, in order, and is () for work without ids.
    """

    ids: tuple[uuid.UUID, ...] = ()


class NotConfirmed(OutcomeUnknown):
    """An error for a commit that only the primary has, because the wait for the standby was
    cancelled.
    """


def failure_of(error: BaseException) -> Failure:
    """Returns the kind of failure that a Django database error describes.

    After a connection is lost during COMMIT, Django connects again. If Django cannot connect, the
    error is about the new connection. In this case, the lost COMMIT is the error's `__context__`.
    """
    failure = _failure_without_context(error)
    if failure not in MAY_HIDE or isinstance(error, BROKEN_RULE):
        return failure
    earlier = error.__context__
    while earlier is not None:
        if isinstance(earlier, Error) and _failure_without_context(earlier) is Failure.UNKNOWN:
            return Failure.UNKNOWN
        earlier = earlier.__context__
    return failure


def _failure_without_context(error: BaseException) -> Failure:
    state = sqlstate(error)
    if state in LOST_RACES:
        return Failure.LOST_RACE
    if isinstance(error.__cause__, NEVER_CONNECTED) or state in NOT_STARTED:
        return Failure.NOT_STARTED
    if failed_servers.is_not_opened(error.__cause__):  # libpq returns no SQLSTATE
        return Failure.NOT_STARTED
    if isinstance(error, OutcomeUnknown) or state in CUT_OFF:
        return Failure.UNKNOWN
    if state == TIMED_OUT:
        return Failure.TIMED_OUT
    # An InternalError may also mean a dropped connection. After a server is lost, a pooler sends
    # two errors, and psycopg then reports that one command has two results.
    dropped = isinstance(error, OperationalError | InterfaceError | InternalError) and isinstance(
        error.__cause__,
        psycopg.OperationalError | psycopg.InterfaceError | psycopg.InternalError,
    )
    return Failure.UNKNOWN if state is None and dropped else Failure.FINAL


def run_with_retry(
    work: Callable[[], R],
    *,
    find_out_first: Callable[[], object] | None = None,
    using: str = DEFAULT_DB_ALIAS,
    sleep: Callable[[float], None] = time.sleep,
) -> R:
    """Runs `work` and returns its result. Repeats `work` after these failures:

    - after a lost race, up to five attempts in total (but not after a lock timeout)
    - after a lost server, for about three seconds
    - after an unknown outcome, for about three seconds, and only if `find_out_first` is passed.
      This function is called before the repetition. It prepares `work` for the case that the
      earlier attempt was committed.

    Raises OutcomeUnknown if the outcome stays unknown.

    `work` must open its own transaction and have no other effects. Inside an atomic block, `work`
    runs only once, because only the code that opened the block can repeat the whole transaction.
    """
    unknown, waited, began = False, 0.0, time.monotonic()
    for attempt in count(1):
        try:
            return _attempt(work, attempt)
        except (DatabaseError, InterfaceError) as error:
            failure = failure_of(error)
            if failure is Failure.UNKNOWN and find_out_first is not None:
                if not unknown:  # earlier attempts may have waited long for a server that hangs
                    waited, began = 0.0, time.monotonic()
                find_out_first()
                unknown = True
            again = failure in NOTHING_DONE or (failure is Failure.UNKNOWN and unknown)
            # Each attempt may also have waited for a connection.
            seconds = max(waited, time.monotonic() - began)
            is_last = _is_last_try(error, attempt, seconds, is_unknown=unknown)
            if not again or is_last or connections[using].in_atomic_block:
                # Only a broken rule proves that the first attempt was not committed.
                is_unknown = unknown and not isinstance(error, BROKEN_RULE)
                if not connections[using].in_atomic_block:
                    _count_end(Failure.UNKNOWN if is_unknown else failure)
                if is_unknown:
                    kind = NotConfirmed if isinstance(error, NotConfirmed) else OutcomeUnknown
                    raise kind(str(error)) from error
                raise
        counts.RETRIES.labels(failure.name.lower()).inc()
        # Full jitter: sessions that lost a race would collide again if all waited for the same
        # time.
        pause = random.uniform(0, _longest_pause(failure, attempt))  # noqa: S311 - no secret
        if failure is not Failure.LOST_RACE:
            connections[using].close()  # the next attempt must not use the dead connection
            waited += pause
        sleep(pause)
    raise AssertionError  # pragma: no cover - the loop has no end


def _is_last_try(error: Exception, attempt: int, seconds: float, *, is_unknown: bool) -> bool:
    """Returns whether this was the last attempt. After a lost race, the number of attempts is
    limited, and a lock timeout is always the last attempt. After all other failures, or if an
    outcome is unknown, the time is limited.
    """
    if is_unknown or failure_of(error) is not Failure.LOST_RACE:
        return seconds >= UNTIL_BACK
    return attempt >= TRIES or sqlstate(error) == LOCK_TIMED_OUT


def _attempt(work: Callable[[], R], attempt: int) -> R:
    """Runs one attempt and returns its result. If `work` opens a durable transaction inside another
    transaction, adds a note to Django's error.
    """
    try:
        return _traced(work, attempt) if spans.is_recording() else work()
    except RuntimeError as error:
        if "durable" in str(error):
            error.add_note(COMMITS_ITSELF)
        raise


def _traced(work: Callable[[], R], attempt: int) -> R:
    """Runs one attempt in a tracing span and returns its result. The span records why the attempt
    failed.
    """
    with spans.span("attempt", {"ledger.attempt": attempt}, expects=(Exception,)) as span:
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            span.fail(type(error).__name__, {"ledger.failure": failure_of(error).name.lower()})
            raise


def _count_end(failure: Failure) -> None:
    """Counts a failed last attempt for `/metrics`. Does not count a broken rule, a wrong value or a
    bug.
    """
    if failure is not Failure.FINAL:
        counts.GIVEN_UP.labels(failure.name.lower()).inc()
    if failure is Failure.UNKNOWN:
        counts.UNKNOWN_OUTCOMES.inc()


def _longest_pause(failure: Failure, attempt: int) -> float:
    if failure is Failure.LOST_RACE:
        return min(float(FIRST_PAUSE * 2 ** min(attempt - 1, 8)), LONGEST_PAUSE)
    return min(float(FIRST_PAUSE_UNTIL_BACK * 2 ** min(attempt - 1, 8)), LONGEST_PAUSE)


def with_retry(function: Callable[P, R]) -> Callable[P, R]:
    """Decorates a function so that each call runs in `run_with_retry`."""

    @functools.wraps(function)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        return run_with_retry(lambda: function(*args, **kwargs))

    return again


def sqlstate(error: BaseException) -> str | None:
    """Returns Postgres's error code. Returns None if the connection was dropped or the error is not
    from Postgres.
    """
    code = getattr(error.__cause__, "sqlstate", None)
    return code if isinstance(code, str) else None
