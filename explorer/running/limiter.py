"""Limits how many queries run at once in a process, and how many one person runs in a minute.

Note [Overdue queries]: Postgres stops a query only where its code looks for it, and some functions
compute for minutes without a look; neither a limit of time nor the end of the session's client nor
pg_terminate_backend ends them. The web process gives such a query up and frees its place. So that
they do not add up, each session writes into its `application_name` until when its statement has to
be over, and none runs a query where others of the role, of any process, are past that time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from threading import BoundedSemaphore
from typing import Any

from accounts.sign_in.limits import MINUTE, Limit, passes

AT_ONCE = 2  # of the eight threads of a web process
SECONDS = 0.5  # the longest that one waits for its turn: waiting takes a thread, too
OF_ONE = Limit("explorer_runs", 60, MINUTE)
BUSY = "Too many queries are running at once. Try again in a moment."
TOO_OFTEN = "You ran many queries in this minute. Try again in a minute."
MAX_OVERDUE = 2  # on one server; each may take a processor
STILL_RUNNING = (
    "Queries that took too long still run in the database, which could not stop them yet. Try again"
    " in a few minutes."
)
UNTIL = "ledger explorer until "
OVERDUE = f"""
SELECT count(*) FROM pg_catalog.pg_stat_activity
WHERE usename = session_user AND substring(application_name FROM '^{UNTIL}([0-9]{{1,12}})$')::bigint
      < extract(epoch FROM clock_timestamp())
"""  # noqa: S608
NOW = "SELECT extract(epoch FROM clock_timestamp())::bigint"
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


def refuse_if_others_are_overdue(connection: Any) -> None:
    """Raises ExplorerBusy where queries run that should have ended; see Note [Overdue queries]."""
    (overdue,) = connection.execute(OVERDUE.encode()).fetchone()
    if overdue >= MAX_OVERDUE:
        raise ExplorerBusy(STILL_RUNNING)


def note_end(connection: Any, seconds: float) -> None:
    """Shows other sessions when the next statement of this one has to be over."""
    (now,) = connection.execute(NOW.encode()).fetchone()
    connection.execute(f"SET LOCAL application_name = '{UNTIL}{now + ceil(seconds)}'".encode())
