"""Remembers accounts with a lock timeout, so that the next payments do not wait for their locks.

Note [Blocked accounts]: a payment that waits for a lock occupies a thread of the web server for up
to LEDGER_LOCK_TIMEOUT. If one account stayed locked, the payments of this account could occupy all
threads. Therefore, after a lock timeout, this process locks the same accounts with NOWAIT. If an
account is still locked, the payment is refused immediately, with the SQLSTATE of a lock timeout. As
soon as a payment gets the locks, the next payments wait again.

The timeout does not show which account is locked, so all accounts of the payment are remembered.
NOWAIT refuses no payment of accounts that are free.
"""

from collections.abc import Collection
from threading import Lock
from time import monotonic
from uuid import UUID

SECONDS = 10  # how long an account is remembered after the newest timeout
MAX_ACCOUNTS = 10_000  # the maximum number of accounts that a process remembers

_lock = Lock()
_timed_out: dict[UUID, float] = {}  # the times of the newest timeouts, in this order


def has_one_of(accounts: Collection[UUID]) -> bool:
    """Returns whether one of these accounts had a lock timeout a short time ago."""
    if not _timed_out:
        return False
    since = monotonic() - SECONDS
    return any(_timed_out.get(id, since) > since for id in accounts)


def remember(accounts: Collection[UUID]) -> None:
    """Remembers the accounts of a payment that ended with a lock timeout."""
    now = monotonic()
    with _lock:
        for id in accounts:
            _timed_out.pop(id, None)  # so that the newest timeouts are last
            _timed_out[id] = now
        for id in list(_timed_out)[:-MAX_ACCOUNTS]:
            del _timed_out[id]


def forget(accounts: Collection[UUID]) -> None:
    """Forgets accounts that are locked now."""
    with _lock:
        for id in accounts:
            _timed_out.pop(id, None)
