"""Queries that are past their time because Postgres did not stop them.

Note [Overdue queries]: Postgres stops a query only where its code looks for it, and some functions
compute for minutes without a look; neither a limit of time nor the end of the session's client nor
pg_terminate_backend ends them. The web process gives such a query up and frees its place. So that
they do not add up, each session writes into its `application_name` until when its statement has to
be over, and none runs a query where others of the role, of any process, are past that time.

Note [An arithmetic error as an end]: Postgres raises the error of a floating-point exception where
it gets the signal, without a look. The statement ends by it as after a division by zero, and the
server runs on. While memory is allocated or shared with others, that could break it. So a process
gets the signal only if it is late and, for a moment, did nothing but compute: it hardly called the
system and got no memory. Processes of another server than the embedded one belong to accounts of
the system that no web process may signal.
"""

import os
import signal
import time
from contextlib import suppress
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from explorer.running.limiter import ExplorerBusy
from explorer.schema.functions import SCHEMA, UNTIL

MAX_OVERDUE = 2  # on one server; each may take a processor
LATE = 1  # seconds after its time
LOOKS, MOMENT = 5, 0.1  # how often a process is looked at, and for how many seconds
MAX_FAULTS = 20  # new pages in a moment: of memory that it had, but never used before
STILL_RUNNING = (
    "Queries that took too long still run in the database, which could not stop them yet. Try again"
    " in a few minutes."
)
OVERDUE = f"SELECT pid, seconds_late >= {LATE} FROM {SCHEMA}.overdue_sessions()"  # noqa: S608
NOW = b"SELECT extract(epoch FROM clock_timestamp())::bigint"


def note_end(connection: Any, seconds: float) -> None:
    """Shows other sessions when the next statement of this one has to be over."""
    (now,) = connection.execute(NOW).fetchone()
    connection.execute(f"SET LOCAL application_name = '{UNTIL}{now + ceil(seconds)}'".encode())


def refuse_if_overdue(connection: Any) -> None:
    """Raises ExplorerBusy where queries of others run that should have ended."""
    if len(connection.execute(OVERDUE.encode()).fetchall()) >= MAX_OVERDUE:
        raise ExplorerBusy(STILL_RUNNING)


def end_overdue(connection: Any) -> None:
    """Ends late queries of the embedded server, to which this connection leads; see Note [An
    arithmetic error as an end].
    """
    for pid, is_late in connection.execute(OVERDUE.encode()).fetchall():
        if is_late and _is_session(pid, connection.info.user) and _only_computes(pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGFPE)


def _is_session(pid: int, role: str) -> bool:
    """Whether this process is a session of the role; not where the system does not tell."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except (OSError, ValueError):
        return False
    return title.startswith(f"postgres: {role} ")


def _only_computes(pid: int) -> bool:
    """Whether the process runs and, at each look, hardly called the system or got memory."""
    looks = [_activity(pid)]
    for _ in range(LOOKS):
        time.sleep(MOMENT)
        looks.append(_activity(pid))
    return looks[0].computed < looks[-1].computed and all(
        before.runs
        and after.runs
        and before.size == after.size
        and after.faults - before.faults <= MAX_FAULTS
        and after.in_kernel - before.in_kernel <= 1
        for before, after in pairwise(looks)
    )


class _Activity(NamedTuple):
    """Of a process: faults of pages, time in ticks of 10 ms, bytes of memory."""

    runs: bool = False
    faults: int = 0
    computed: int = 0
    in_kernel: int = 0
    size: int = 0


def _activity(pid: int) -> _Activity:
    """From /proc/<pid>/stat, whose fields behind the name in brackets begin with the third."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _Activity()
    numbers = (int(fields[place - 3]) for place in (10, 14, 15, 23))
    return _Activity(fields[0] == "R", *numbers)
