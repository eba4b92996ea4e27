"""Limits how many queries run in parallel in a process (one per user), and how many queries a user
runs per minute.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes
from ledger.web.running_requests import RunningRequests

MAX_PARALLEL = 2  # of the eight threads of a web process
SECONDS = 0.5  # seconds; a query that waits for a free place blocks a thread
RUNS_PER_MINUTE = Limit("explorer_runs", 60, MINUTE)
BUSY = "Too many queries are running in parallel. Try again in a moment."
ANOTHER_RUNS = "Your other query is still running. Run this one when it has ended."
TOO_OFTEN = "You ran many queries in this minute. Try again in a minute."
_room = BoundedSemaphore(MAX_PARALLEL)
# Per user, so that one user cannot use all places
_of_person = RunningRequests(most_running=1, waiting=0)


class ExplorerBusy(Exception):
    """The query was not run. The text explains why."""


@contextmanager
def limited(person: object) -> Iterator[None]:
    """Counts the block as a running query of this user.

    Raises: ExplorerBusy if a limit is exceeded.
    """
    if not passes(RUNS_PER_MINUTE, str(person)):
        raise ExplorerBusy(TOO_OFTEN)
    if not _of_person.begin(person):
        raise ExplorerBusy(ANOTHER_RUNS)
    try:
        if not _room.acquire(timeout=SECONDS):
            raise ExplorerBusy(BUSY)
        try:
            yield
        finally:
            _room.release()
    finally:
        _of_person.end(person)
