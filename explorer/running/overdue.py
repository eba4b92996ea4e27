"""Queries that exceed their time because Postgres did not stop them.

Note [Overdue queries]: Postgres stops a query only at certain points in its code, and some
functions compute for minutes without such a point. Neither a time limit nor the end of the client
nor pg_terminate_backend ends them. The web process stops waiting for such a query and frees its
place. To prevent many of them, each session writes the end time of its statement into its
`application_name`. No session runs a query while too many others of the role, in any process, are
past their end time.

Note [An arithmetic error as an end]: when Postgres gets the signal of a floating-point exception,
it raises an error immediately. The statement ends like after a division by zero, and the server
continues. During a memory allocation or an access to shared data, this could break the server.
Therefore the signal is sent only to a process that is late and that, for a moment, did nothing but
compute: few system calls and no new memory. This works only for the embedded server. Processes of
other servers belong to system accounts that a web process may not signal.
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
LATE = 1  # seconds after the end time
LOOKS, MOMENT = 5, 0.1  # number of observations, and seconds between them
MAX_FAULTS = 20  # new pages per MOMENT, in memory that it already had
STILL_RUNNING = (
    "Queries that exceeded their time still run in the database, which could not stop them yet. Try"
    " again in a few minutes."
)
OVERDUE = f"SELECT pid, seconds_late >= {LATE} FROM {SCHEMA}.overdue_sessions()"  # noqa: S608
NOW = b"SELECT extract(epoch FROM clock_timestamp())::bigint"


def note_end(connection: Any, seconds: float) -> None:
    """Writes the end time of the next statement into the session, where other sessions can read
    it.
    """
    (now,) = connection.execute(NOW).fetchone()
    connection.execute(f"SET LOCAL application_name = '{UNTIL}{now + ceil(seconds)}'".encode())


def refuse_if_overdue(connection: Any) -> None:
    """Raises ExplorerBusy if too many other queries are past their end time."""
    if len(connection.execute(OVERDUE.encode()).fetchall()) >= MAX_OVERDUE:
        raise ExplorerBusy(STILL_RUNNING)


def end_overdue(connection: Any) -> None:
    """Ends late queries of the embedded server of this connection; see Note [An arithmetic error as
    an end].
    """
    for pid, is_late in connection.execute(OVERDUE.encode()).fetchall():
        if is_late and _is_session(pid, connection.info.user) and _only_computes(pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGFPE)


def _is_session(pid: int, role: str) -> bool:
    """Returns whether this process is a session of the role. False if the system does not provide
    this.
    """
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except (OSError, ValueError):
        return False
    return title.startswith(f"postgres: {role} ")


def _only_computes(pid: int) -> bool:
    """Returns whether the process runs, with few system calls and almost no new memory in each
    observation.
    """
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
    """Activity of a process: page faults, time in ticks of 10 ms, bytes of memory."""

    runs: bool = False
    faults: int = 0
    computed: int = 0
    in_kernel: int = 0
    size: int = 0


def _activity(pid: int) -> _Activity:
    """Reads /proc/<pid>/stat. The fields after the name in brackets start with number 3."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _Activity()
    numbers = (int(fields[place - 3]) for place in (10, 14, 15, 23))
    return _Activity(fields[0] == "R", *numbers)
