"""Limits how many recipes run in parallel, and how many attempts of the lab run per minute, so that
other pages stay responsive.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from accounts.sign_in.limits import MINUTE, Limit, passes
from cookbook.runner.sessions import AllBusy

MAX_RUNNING = 2  # a web process has eight threads
# Maximum wait for another recipe to end. The wait is short, because it occupies a thread.
SECONDS = 0.5
# Limits for runs of all attempts, and below for single attempts. Each pair is a limit per person
# and a limit for all people together.
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
    """Counts one running recipe while the `with` block runs.

    Raises: AllBusy if MAX_RUNNING recipes are running and no recipe ends within SECONDS.
    """
    if not _room.acquire(timeout=SECONDS):
        raise AllBusy("Too many recipes are running now. Try again in a moment.")
    try:
        yield
    finally:
        _room.release()


def count_run(person: object) -> None:
    """Counts one run of all attempts by this person.

    Raises: AllBusy if there were too many runs in this minute.
    """
    _count(person, RUNS_PER_PERSON, RUNS_IN_TOTAL, TOO_OFTEN)


def count_try(person: object) -> None:
    """Counts one attempt by this person.

    Raises: AllBusy if there were too many attempts in this minute.
    """
    _count(person, TRIES_PER_PERSON, TRIES_IN_TOTAL, TOO_MANY_TRIES)


def _count(person: object, per_person: Limit, in_total: Limit, message: str) -> None:
    """Counts for the person, and then for all people. A run that the person's limit refuses does
    not count for all people.
    """
    if not (passes(per_person, str(person)) and passes(in_total, "")):
        raise AllBusy(message)
