"""Remembers accounts whose locks could not be taken, so that payments do not queue for them.

Note [Blocked accounts]: a payment that waits for a lock occupies a thread of the web server. It
waits at most LEDGER_LOCK_TIMEOUT for each lock, but may wait for several locks one after another.
If one account stayed locked, the payments of this account could occupy all threads. Therefore,
after a lock timeout, this process refuses payments of the same accounts immediately for PAUSE
seconds, with the error of the timeout. Then one payment at a time tries again, until a payment
gets the locks.

The timeout does not show which of the two accounts is locked, so both are refused.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from uuid import UUID

import psycopg
from django.db import DatabaseError, OperationalError

from ledger.db.retry import LOCK_TIMED_OUT, sqlstate

PAUSE = 1.0  # seconds, as in the header Retry-After of the refusal
MAX_ACCOUNTS = 1_000  # the maximum number of accounts that a process remembers
BLOCKED = "A payment of this account has just waited for a lock in vain."

_lock = Lock()
_blocked_until: dict[UUID, float] = {}
_tried: set[UUID] = set()  # blocked accounts with a payment that tries again now


@contextmanager
def trying(accounts: Sequence[UUID]) -> Iterator[None]:
    """Runs a payment of these accounts. Remembers the accounts if the payment ends with a lock
    timeout, and forgets them if it succeeds.

    Raises OperationalError with the SQLSTATE of a lock timeout, without running the payment, if one
    of the accounts is blocked.
    """
    mine = _begin(accounts) if _blocked_until else []
    try:
        yield
    except DatabaseError as error:
        if sqlstate(error) == LOCK_TIMED_OUT:
            _block(accounts)
        raise
    else:
        if mine:
            _forget(mine)
    finally:
        if mine:
            with _lock:
                _tried.difference_update(mine)


def _begin(accounts: Sequence[UUID]) -> list[UUID]:
    """Returns the accounts that were blocked, and which this payment tries again."""
    with _lock:
        found = [id for id in accounts if id in _blocked_until]
        now = monotonic()
        if any(id in _tried or now < _blocked_until[id] for id in found):
            raise OperationalError(BLOCKED) from psycopg.errors.LockNotAvailable(BLOCKED)
        _tried.update(found)
        return found


def _block(accounts: Sequence[UUID]) -> None:
    with _lock:
        now = monotonic()
        if len(_blocked_until) >= MAX_ACCOUNTS:
            for id in [id for id, until in _blocked_until.items() if until < now]:
                del _blocked_until[id]
        if len(_blocked_until) < MAX_ACCOUNTS:
            _blocked_until.update(dict.fromkeys(accounts, now + PAUSE))


def _forget(accounts: Sequence[UUID]) -> None:
    with _lock:
        for id in accounts:
            _blocked_until.pop(id, None)
