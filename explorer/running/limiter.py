"""Limits how many queries run at once in a process, and how many one person runs in a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
OF_ONE = Limit("explorer_runs", 60, MINUTE)
BUSY = "Too many queries are running at once. Try again in a moment."
TOO_OFTEN = "You ran many queries in this minute. Try again in a minute."
_room = BoundedSemaphore(AT_ONCE)


class ExplorerBusy(Exception):
    """The query was not run; the text says why."""


@contextmanager
def limited(person: object) -> Iterator[None]:
    """Counts the block as one running query of this person. Raises ExplorerBusy above a limit."""
    if not passes(OF_ONE, str(person)):
        raise ExplorerBusy(TOO_OFTEN)
    if not _room.acquire(timeout=SECONDS):
        raise ExplorerBusy(BUSY)
    try:
        yield
    finally:
        _room.release()
