"""Work that needs whole tables, without making other sessions wait for long.

Note [Short waits]: when a session waits for the lock of a table, all later sessions wait behind it.
So the owner's work on a table in use waits only a short time, rolls back, and tries again after a
pause in which the others continue. Everything that needs no lock is found out before.
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

LOCK_WAIT = "1s"  # the limit for one table
TRIES, FIRST_PAUSE, LONGEST_PAUSE = 30, 0.1, 3.0  # together longer than an upload of 50,000 lines
IN_USE = frozenset({"40001", "40P01", "55P03"})  # a lost race, a deadlock, a lock that timed out


class TablesInUse(OperationalError):
    """An error for tables that other sessions used in every try. Nothing was changed."""


def is_in_use(error: DatabaseError) -> bool:
    """Returns whether the error ended a transaction only because other sessions use its tables."""
    return sqlstate(error) in IN_USE


def with_short_waits(work: Callable[[], R]) -> R:
    """Runs the work in a transaction that waits at most LOCK_WAIT for each lock, and runs it again
    after a pause if a wait was longer. Only one such work runs at a time, because Postgres refuses
    to change a right of a table twice in parallel.

    Raises TablesInUse after the last try.
    """

    def attempt() -> R:
        with db_transaction.atomic(durable=True):
            set_locally(lock_timeout=LOCK_WAIT)
            wait_for_lock("work on whole tables")
            return work()

    return again_while_in_use(attempt)


def again_while_in_use(attempt: Callable[[], R]) -> R:
    """Returns the result of `attempt`, and calls it again after a pause while tables are in use.
    `attempt` opens its transaction with a lock timeout.

    Raises TablesInUse after the last try.
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
