"""Limits how many recipes run in parallel, and how often lab attempts run in a minute, so that
other pages stay responsive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes
from cookbook.runner.sessions import AllBusy

MAX_RUNNING = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest wait for a free place: waiting uses a thread, too
# Runs of all lab attempts, then tries of single attempts: by one person, and by all people.
RUNS_PER_PERSON, RUNS_IN_TOTAL = Limit("lab_runs", 4, MINUTE), Limit("all_lab_runs", 20, MINUTE)
TRIES_PER_PERSON, TRIES_IN_TOTAL = (
    Limit("lab_tries", 30, MINUTE),
    Limit("all_lab_tries", 200, MINUTE),
)
TOO_OFTEN = "All attempts were run several times in this minute. Try again in a minute."
TOO_MANY_TRIES = "You tried many attempts in this minute. Try again in a minute."
_room = BoundedSemaphore(MAX_RUNNING)


@contextmanager
def limited() -> Iterator[None]:
    """Counts the block as one running recipe. Raises AllBusy if too many run."""
    if not _room.acquire(timeout=SECONDS):
        raise AllBusy("Too many recipes are running now. Try again in a moment.")
    try:
        yield
    finally:
        _room.release()


def count_run(person: object) -> None:
    """Counts one run of all attempts by this person. Raises AllBusy above the limit per minute."""
    _count(person, RUNS_PER_PERSON, RUNS_IN_TOTAL, TOO_OFTEN)


def count_try(person: object) -> None:
    """Counts one single attempt by this person. Raises AllBusy above the limit per minute."""
    _count(person, TRIES_PER_PERSON, TRIES_IN_TOTAL, TOO_MANY_TRIES)


def _count(person: object, per_person: Limit, in_total: Limit, message: str) -> None:
    """Counts for the person, then for everybody; a person's refused runs count only there."""
    if not (passes(per_person, str(person)) and passes(in_total, "")):
        raise AllBusy(message)
