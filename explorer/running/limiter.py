"""Limits how many queries run at once in a process, one of a person, and how many they run in a
minute.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes
from ledger.web.running_requests import RunningRequests

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
OF_ONE = Limit("explorer_runs", 60, MINUTE)
BUSY = "Too many queries are running at once. Try again in a moment."
ANOTHER_RUNS = "Your other query is still running. Run this one when it has ended."
TOO_OFTEN = "You ran many queries in this minute. Try again in a minute."
_room = BoundedSemaphore(AT_ONCE)
_of_person = RunningRequests(most_running=1, waiting=0)  # so that nobody takes all places


class ExplorerBusy(Exception):
    """The query was not run; the text says why."""


@contextmanager
def limited(person: object) -> Iterator[None]:
    """Counts the block as one running query of this person. Raises ExplorerBusy above a limit."""
    if not passes(OF_ONE, str(person)):
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
