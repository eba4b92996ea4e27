"""Limits how many recipes run at once, and how often attempts of the lab run in a minute, so that
other pages stay responsive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes
from cookbook.runner.sessions import AllBusy

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
# Of all attempts of the lab, then of single ones: by one person, and by everybody together.
RUNS_OF_ONE, RUNS_OF_ALL = Limit("lab_runs", 4, MINUTE), Limit("all_lab_runs", 20, MINUTE)
TRIES_OF_ONE, TRIES_OF_ALL = Limit("lab_tries", 30, MINUTE), Limit("all_lab_tries", 200, MINUTE)
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


def count_run(person: object) -> None:
    """Counts one run of all attempts by this person. Raises AllBusy above a limit of a minute."""
    _count(person, RUNS_OF_ONE, RUNS_OF_ALL, TOO_OFTEN)


def count_try(person: object) -> None:
    """Counts one attempt, run by itself. Raises AllBusy above a limit of a minute."""
    _count(person, TRIES_OF_ONE, TRIES_OF_ALL, TOO_MANY_TRIES)


def _count(person: object, of_one: Limit, of_all: Limit, sentence: str) -> None:
    """Counts for the person, then for everybody: refused runs of one do not count for others."""
    if not (passes(of_one, str(person)) and passes(of_all, "")):
        raise AllBusy(sentence)
