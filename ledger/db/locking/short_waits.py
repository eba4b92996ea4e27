"""Runs work that locks whole tables without making other sessions wait for long.

Note [Short waits]: when a session waits for a table lock, all later sessions wait behind this
session. Therefore work of the owner waits for a table lock only for a short time, and is then
rolled back. After a pause, in which the other sessions continue, the work runs again. All steps
that need no lock are done before the work.
"""

import logging
from collections.abc import Callable
from time import sleep
from typing import TypeVar

from django.db import DatabaseError, OperationalError
from django.db import transaction as db_transaction

from ledger.db.local_settings import set_locally
from ledger.db.locking.named import wait_for_lock
from ledger.db.retry import sqlstate

logger = logging.getLogger(__name__)

R = TypeVar("R")

LOCK_WAIT = "1s"  # the time limit for the lock of one table
# The attempts together take longer than an upload of 50,000 lines.
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 30, 0.1, 3.0
IN_USE = frozenset({"40001", "40P01", "55P03"})  # a lost race, a deadlock and a lock timeout


class TablesInUse(OperationalError):
    """An error for work that found its tables in use at every attempt. Nothing was changed."""


def is_in_use(error: DatabaseError) -> bool:
    """Returns whether the transaction failed only because other sessions used its tables."""
    return sqlstate(error) in IN_USE


def with_short_waits(work: Callable[[], R]) -> R:
    """Runs `work` in a transaction and returns its result. If a lock is not free within LOCK_WAIT,
    `work` runs again after a pause. Only one such transaction runs at a time, because Postgres
    refuses two parallel changes of one table's rights.

    Raises TablesInUse after the last attempt.
    """

    def attempt() -> R:
        with db_transaction.atomic(durable=True):
            set_locally(lock_timeout=LOCK_WAIT)
            wait_for_lock("work on whole tables")
            return work()

    return again_while_in_use(attempt)


def again_while_in_use(attempt: Callable[[], R]) -> R:
    """Calls `attempt` and returns its result. If tables are in use, calls `attempt` again after a
    pause. `attempt` must open its own transaction with a lock timeout.

    Raises TablesInUse after the last attempt.
    """
    pause = FIRST_PAUSE
    for tries_left in reversed(range(TRIES)):
        try:
            return attempt()
        except TablesInUse:
            raise
        except DatabaseError as error:
            if not is_in_use(error):
                raise
            if not tries_left:
                raise TablesInUse(
                    "Other sessions use tables that this command changes, so nothing was changed."
                    " Run it again when no audit, backup or long report is running."
                ) from error.__cause__
        if pause == FIRST_PAUSE:
            logger.warning("Tables are in use: trying again, up to %s times.", TRIES)
        sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    raise AssertionError  # pragma: no cover - the last try returns or raises
