"""Limits how many recipes run at once, so that other pages stay responsive."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from cookbook.runner.sessions import AllBusy

AT_ONCE = 2  # of the four threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
_room = BoundedSemaphore(AT_ONCE)


@contextmanager
def limited() -> Iterator[None]:
    """Counts the block as one running recipe. Raises AllBusy if too many run."""
    if not _room.acquire(timeout=SECONDS):
        raise AllBusy("Too many recipes are running at once. Try again in a moment.")
    try:
        yield
    finally:
        _room.release()
