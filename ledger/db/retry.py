"""What a failure of the database means, and what to do about it.

Three answers (SQLSTATEs by PostgreSQL's appendix A, and as they were seen with psycopg 3):

- **lost race, not started**: Postgres ended the transaction and nothing of it remains, or it
  never began. Doing all of it once more is right; doing a part would not be, hence never
  inside an atomic block.
- **unknown**: the connection went while it may have been committing. Nobody knows yet. Only work
  that finds out for itself, by ids given out before, may run again.
- **final**: a broken rule, a wrong value, a mistake of ours. It would fail again.
"""

import functools
import random
import time
from collections.abc import Callable
from enum import Enum
from typing import ParamSpec, TypeVar

import psycopg
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connections,
)

P = ParamSpec("P")
R = TypeVar("R")

# serialization_failure, deadlock_detected, lock_not_available
LOST_RACES = frozenset({"40001", "40P01", "55P03"})
# idle_in_transaction_session_timeout, transaction_timeout: ended before COMMIT was sent;
# too_many_connections, cannot_connect_now, and two ways not to get a connection: never begun;
# read_only_sql_transaction: the server became a reader, so another one writes now
NOT_STARTED = frozenset({"25P03", "25P04", "53300", "57P03", "08001", "08004", "25006"})
# admin_shutdown, crash_shutdown, idle_session_timeout, statement_completion_unknown, and the
# connection exceptions of class 08, which poolers send; a dropped connection has no code at all
CUT_OFF = frozenset(
    {"57P01", "57P02", "57P05", "40003", "08000", "08003", "08006", "08007", "08P01"}
)
TIMED_OUT = "57014"  # query_canceled, by statement_timeout

TRIES = 5
FIRST_PAUSE = 0.01  # seconds; it doubles
FIRST_PAUSE_UNTIL_BACK = 0.1  # where a server has to come back, in half a second or so


class Failure(Enum):
    """What a failed transaction has done, and why."""

    LOST_RACE = "nothing: somebody else had the locks"
    NOT_STARTED = "nothing: the server could not be had, or ended it before COMMIT"
    UNKNOWN = "perhaps all of it: the connection went while it ran"
    TIMED_OUT = "nothing: it took longer than statement_timeout"
    FINAL = "nothing: it would fail again"


NOTHING_DONE = frozenset({Failure.LOST_RACE, Failure.NOT_STARTED})


class OutcomeUnknown(OperationalError):
    """The connection went during COMMIT and did not come back: perhaps it is done, perhaps not.

    The same id may be sent again; it is done once at most.
    """


def failure_of(error: BaseException) -> Failure:
    """Which kind a Django database error is.

    Where a COMMIT loses its connection, Django connects anew on the way out of the atomic block;
    if that fails too, the error says only that the server cannot be had, see its `__context__`.
    """
    failure = _failure_itself(error)
    if failure is not Failure.NOT_STARTED:
        return failure
    behind = error.__context__
    while behind is not None:
        if isinstance(behind, Error) and _failure_itself(behind) is Failure.UNKNOWN:
            return Failure.UNKNOWN
        behind = behind.__context__
    return failure


def _failure_itself(error: BaseException) -> Failure:
    state = sqlstate(error)
    if state in LOST_RACES:
        return Failure.LOST_RACE
    if state in NOT_STARTED or getattr(error.__cause__, "pgconn", None) is not None:
        return Failure.NOT_STARTED  # pgconn: psycopg's mark of an attempt to connect
    if isinstance(error, OutcomeUnknown) or state in CUT_OFF:
        return Failure.UNKNOWN
    if state == TIMED_OUT:
        return Failure.TIMED_OUT
    dropped = isinstance(error, OperationalError | InterfaceError) and isinstance(
        error.__cause__, psycopg.OperationalError | psycopg.InterfaceError
    )
    return Failure.UNKNOWN if state is None and dropped else Failure.FINAL


def run_with_retry(
    work: Callable[[], R],
    *,
    find_out_first: Callable[[], object] | None = None,
    using: str = DEFAULT_DB_ALIAS,
    sleep: Callable[[float], None] = time.sleep,
) -> R:
    """What `work` returns; run again after a lost race or a lost server, five times at most.

    `work` is a whole unit: it opens its own transaction and has no other effects. After an
    unknown outcome it runs again only where the caller gives `find_out_first`, which tells
    `work` that it may be done already; OutcomeUnknown if that does not help. Inside an atomic
    block it runs once and the error goes to whoever opened that block, for only that one can
    do everything again.
    """
    unknown = False
    for attempt in range(1, TRIES + 1):
        try:
            return work()
        except (DatabaseError, InterfaceError) as error:
            failure = failure_of(error)
            if failure is Failure.UNKNOWN and find_out_first is not None:
                find_out_first()
                unknown = True
            again = failure in NOTHING_DONE or (failure is Failure.UNKNOWN and unknown)
            if not again or attempt == TRIES or connections[using].in_atomic_block:
                # A broken rule shows that the second run began anew; nothing else does.
                if unknown and not isinstance(error, IntegrityError | DataError):
                    raise OutcomeUnknown(str(error)) from error
                raise
        if failure is not Failure.LOST_RACE:
            connections[using].close()  # or the next try would meet the dead connection
        first = FIRST_PAUSE if failure is Failure.LOST_RACE else FIRST_PAUSE_UNTIL_BACK
        # Full jitter: losers that wait equally long would meet again.
        sleep(random.uniform(0, first * 2 ** (attempt - 1)))  # noqa: S311 - no secret
    raise AssertionError  # pragma: no cover - the last try returns or raises


def with_retry(function: Callable[P, R]) -> Callable[P, R]:
    """`run_with_retry` as a decorator."""

    @functools.wraps(function)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        return run_with_retry(lambda: function(*args, **kwargs))

    return again


def sqlstate(error: BaseException) -> str | None:
    """Postgres's own code; None for a dropped connection, or for an error of something else."""
    code = getattr(error.__cause__, "sqlstate", None)
    return code if isinstance(code, str) else None
