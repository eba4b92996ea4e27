"""Limits how many recipes run at once, and how often attempts of the lab run in a minute, so that
other pages stay responsive.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from time import time

from accounts.models import AttemptCount
from cookbook.runner.sessions import AllBusy

AT_ONCE = 2  # of the four threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
RUNS_OF_ONE = 4  # of all attempts, by one person in a minute
RUNS_OF_ALL = 20  # by everybody, over all processes
TRIES_OF_ONE, TRIES_OF_ALL = 30, 200  # of single attempts
MINUTE = 60
TOO_OFTEN = "All attempts were run several times in this minute. Try again in a minute."
TOO_MANY_TRIES = "You tried many attempts in this minute. Try again in a minute."
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
    """Counts one run of all attempts by this person. Raises AllBusy above a limit of a minute."""
    if not _is_let("runs", person, RUNS_OF_ONE, RUNS_OF_ALL, now):
        raise AllBusy(TOO_OFTEN)


def count_try(person: object, *, now: float | None = None) -> None:
    """Counts one attempt, run by itself. Raises AllBusy above a limit of a minute."""
    if not _is_let("tries", person, TRIES_OF_ONE, TRIES_OF_ALL, now):
        raise AllBusy(TOO_MANY_TRIES)


def _is_let(what: str, person: object, of_one: int, of_all: int, now: float | None) -> bool:
    """Counts for the person, then for everybody: refused runs of one do not count for others."""
    minute = int(time() if now is None else now) // MINUTE
    for whose, most in ((f"{person}", of_one), ("everybody", of_all)):
        key = hashlib.sha256(f"lab {what} {whose} {minute}".encode()).hexdigest()
        if AttemptCount.objects.count_up([(key, 2 * MINUTE)])[key] > most:
            return False
    return True
