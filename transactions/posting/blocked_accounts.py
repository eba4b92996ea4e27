"""Remembers accounts with a lock timeout, so that the next payments do not wait for their locks.

Note [Blocked accounts]: a payment that waits for a lock occupies a thread of the web server for up
to LEDGER_LOCK_TIMEOUT. If one account stayed locked, the payments of this account could occupy all
threads. Therefore, for SECONDS after a lock timeout, this process locks the same accounts with
NOWAIT. If an account is still locked, the payment is refused immediately, with the SQLSTATE of a
lock timeout. As soon as a payment of an account is booked, the next payments of the account wait
again.

The timeout does not show which account is locked, so both accounts of the payment are remembered.
With NOWAIT, a payment is still booked if both accounts are free. Some payments wait for a lock as
before: batches, payments before the first timeout, and payments that wait for another lock, not for
the lock of an account.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic
from uuid import UUID

from django.db import OperationalError

from ledger.db.retry import LOCK_TIMED_OUT, sqlstate

SECONDS = 10  # how long an account is remembered after the newest timeout
MAX_ACCOUNTS = 10_000  # the maximum number of accounts that a process remembers

_lock = Lock()
_timed_out: dict[UUID, float] = {}  # each account's newest timeout; the oldest timeout is first


def has_one_of(accounts: Collection[UUID]) -> bool:
    """Returns whether one of these accounts had a lock timeout a short time ago."""
    if not _timed_out:
        return False
    since = monotonic() - SECONDS
    return any(_timed_out.get(id, since) > since for id in accounts)


@contextmanager
def remembering(accounts: Collection[UUID]) -> Iterator[None]:
    """Runs a payment of these accounts, and remembers the accounts if the payment ends with a lock
    timeout.
    """
    waits = not has_one_of(accounts)
    try:
        yield
    except OperationalError as error:
        if sqlstate(error) == LOCK_TIMED_OUT:
            remember(accounts, waited=waits)
        raise


def forget(accounts: Collection[UUID]) -> None:
    """Forgets the accounts of a payment that was booked."""
    if _timed_out:
        with _lock:
            for id in accounts:
                _timed_out.pop(id, None)


def remember(accounts: Collection[UUID], *, waited: bool) -> None:
    """Remembers the accounts of a payment that ended with a lock timeout. If the payment did not
    wait for a lock, remembers only those accounts for a longer time that are already remembered.
    The other accounts may be free.
    """
    now = monotonic()
    since = now - SECONDS
    with _lock:
        for id in accounts:
            if _timed_out.pop(id, since) > since or waited:
                _timed_out[id] = now  # the newest timeouts are last
        for id in list(_timed_out)[:-MAX_ACCOUNTS]:
            del _timed_out[id]
