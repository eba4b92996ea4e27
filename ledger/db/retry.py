"""Lost races for locks are run again, whole.

Postgres ends a transaction that lost a race (serialization failure, deadlock,
lock not to be had) and nothing of it remains, so doing all of it once more is
right. Doing a part of it would not be: hence never inside an atomic block.
"""

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

P = ParamSpec("P")
R = TypeVar("R")

SERIALIZATION_FAILURE = "40001"
DEADLOCK_DETECTED = "40P01"
LOCK_NOT_AVAILABLE = "55P03"
LOST_RACES = frozenset({SERIALIZATION_FAILURE, DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE})
TRIES = 5
FIRST_PAUSE = 0.01


def run_with_retry(
    work: Callable[[], R],
    *,
    using: str = DEFAULT_DB_ALIAS,
    sleep: Callable[[float], None] = time.sleep,
) -> R:
    """What `work` returns; run again after a lost race, five times at most.

    `work` is a whole unit: it opens its own transaction and has no other
    effects. Inside an atomic block it runs once and the error goes to whoever
    opened that block, for only that one can do everything again.
    """
    for attempt in range(1, TRIES):
        try:
            return work()
        except DatabaseError as err:
            if sqlstate(err) not in LOST_RACES or connections[using].in_atomic_block:
                raise
        # Full jitter: losers that wait equally long would meet again.
        sleep(random.uniform(0, FIRST_PAUSE * 2 ** (attempt - 1)))  # noqa: S311 - no secret
    return work()


def retry_lost_races(function: Callable[P, R]) -> Callable[P, R]:
    """`run_with_retry` as a decorator."""

    @functools.wraps(function)
    def again(*args: P.args, **kwargs: P.kwargs) -> R:
        return run_with_retry(lambda: function(*args, **kwargs))

    return again


def sqlstate(err: BaseException) -> str | None:
    """Postgres's own code; None for a dropped connection, or for an error of something else."""
    code = getattr(err.__cause__, "sqlstate", None)
    return code if isinstance(code, str) else None
