"""Limits how many recipes run at once, and how often all attempts of the lab run in a minute, so
that other pages stay responsive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from time import time

from django.core.cache import cache

from cookbook.runner.sessions import AllBusy

AT_ONCE = 2  # of the four threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
RUNS_OF_ONE = 4  # of one person in a minute
RUNS_OF_ALL = 20  # of everybody, over all processes
MINUTE = 60
TOO_OFTEN = "All attempts were run several times in this minute. Try again in a minute."
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


def count_run(person: object, *, now: float | None = None) -> None:
    """Counts one run of all attempts by this person. Raises AllBusy above the limits of a minute.

    Each run takes a place in the shared cache by `add`, which gives a place to one caller only: a
    number that several processes read and write back would lose counts.
    """
    minute = int(time() if now is None else now) // MINUTE
    for whose, most in ((f"{person}", RUNS_OF_ONE), ("everybody", RUNS_OF_ALL)):
        places = (f"lab-runs:{whose}:{minute}:{place}" for place in range(most))
        if not any(cache.add(place, True, timeout=2 * MINUTE) for place in places):
            raise AllBusy(TOO_OFTEN)
