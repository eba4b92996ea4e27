"""Handles queries that are still running after their time limit, because Postgres could not stop
them.

Note [Overdue queries]: Postgres can stop a query only at certain points in its code, and some
functions compute for minutes without such a point. Neither a time limit, nor the end of the client,
nor pg_terminate_backend stops such a query. The web process stops waiting for the query, so other
queries can run in its place. To limit the number of overdue queries, each session writes the end
time of its SQL statement into its `application_name`. If too many other sessions of the role, in
any process, are past their end time, no further query is run.

Note [An arithmetic error as an end]: when Postgres gets the signal for a floating-point exception,
it raises an error immediately. The SQL statement then ends like after a division by zero, and the
server continues. During a memory allocation or an access to shared data, this signal could damage
the server. Therefore it is sent only to a process that is late and that was observed to do nothing
but compute, with few system calls and no new memory. This works only for the embedded server,
because a web process may not send signals to the processes of other servers.
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

MAX_OVERDUE = 2  # on one server; each query may use a whole processor
LATE = 1  # seconds after the end time
LOOKS, MOMENT = 5, 0.1  # number of observations after the first, seconds between them
# Page faults that are accepted per MOMENT, for memory that the process already had
MAX_FAULTS = 20
STILL_RUNNING = (
    "Some queries have exceeded their time limit, and the database has not stopped them yet. Try"
    " again in a few minutes."
)
OVERDUE = f"SELECT pid, seconds_late >= {LATE} FROM {SCHEMA}.overdue_sessions()"  # noqa: S608
NOW = b"SELECT extract(epoch FROM clock_timestamp())::bigint"


def note_end(connection: Any, seconds: float) -> None:
    """Writes the end time of the next SQL statement into the session, for other sessions to read.
    `seconds` is the time from now.
    """
    (now,) = connection.execute(NOW).fetchone()
    connection.execute(f"SET LOCAL application_name = '{UNTIL}{now + ceil(seconds)}'".encode())


def refuse_if_overdue(connection: Any) -> None:
    """Raises ExplorerBusy if MAX_OVERDUE or more other queries are past their end time."""
    if len(connection.execute(OVERDUE.encode()).fetchall()) >= MAX_OVERDUE:
        raise ExplorerBusy(STILL_RUNNING)


def end_overdue(connection: Any) -> None:
    """Ends overdue queries on the embedded server of this connection: see Note [An arithmetic error
    as an end].
    """
    for pid, is_late in connection.execute(OVERDUE.encode()).fetchall():
        if is_late and _is_session(pid, connection.info.user) and _only_computes(pid):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGFPE)


def _is_session(pid: int, role: str) -> bool:
    """Returns whether this process is a database session of the role. Returns False if the
    operating system does not reveal this.
    """
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    except (OSError, ValueError):
        return False
    return title.startswith(f"postgres: {role} ")


def _only_computes(pid: int) -> bool:
    """Returns whether the process only computes: it runs at every observation, with few system
    calls and almost no new memory.
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
    """The activity of a process: whether the process is running, the number of page faults, the
    time in user mode and in the kernel (in ticks of 10 ms), and the memory (in bytes).
    """

    runs: bool = False
    faults: int = 0
    computed: int = 0
    in_kernel: int = 0
    size: int = 0


def _activity(pid: int) -> _Activity:
    """Returns the activity of a process from /proc/<pid>/stat, or default values if there is no
    such process. The first field after the name in brackets has the number 3.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return _Activity()
    numbers = (int(fields[place - 3]) for place in (10, 14, 15, 23))
    return _Activity(fields[0] == "R", *numbers)
