"""Measures how long a worker's server has not answered, so that the worker stops waiting for a
server that hangs: see Note [A server that hangs].

Note [Silence in a worker]: a job may contain a SQL statement that takes long, so a long statement
does not prove that the server hangs. In parallel, the worker renews its claim on a separate
connection and with a short timeout. While the renewals get answers, the server works. After
SILENT_SECONDS without an answer, the worker stops waiting for all its SQL statements. By then the
worker's claim has ended, and another worker may have the job.

This measurement does not detect a single session that is stuck while its server answers other
sessions. For this case, each statement of a job has the limit `LEDGER_JOB_STATEMENT_TIMEOUT`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

from ledger.db.apps import is_of_ledger
from ledger.jobs import records

SILENT_SECONDS: float = records.CLAIM_SECONDS


class Silence:
    """A stopwatch for the time since the last answer of a worker's server."""

    def __init__(self) -> None:
        self._heard_at = monotonic()

    def end(self) -> None:
        """Sets the measured time to zero. Called after each answer of the server and at the start
        of a SQL statement.
        """
        self._heard_at = monotonic()

    def is_too_long(self) -> bool:
        return monotonic() - self._heard_at > SILENT_SECONDS


@contextmanager
def limited_connections(
    seconds: float, gives_up: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Sets time limits for all connections that this thread opens inside the block. `seconds` is
    the `statement_timeout` (0: no timeout).

    If the server hangs, a connection closes after this timeout plus a grace period, or earlier if
    `gives_up` returns True.
    """
    this_thread = threading.get_ident()

    def limit(connection: Any, **_facts: object) -> None:
        if threading.get_ident() != this_thread or not is_of_ledger(connection.settings_dict):
            return
        raw = connection.raw
        if seconds and not connection.is_behind_pooler:
            with raw.limited_to(connection.connect_seconds):
                raw.execute(f"SET statement_timeout = {int(seconds * 1000)}", prepare=False)
        raw.limit_statements(seconds)
        raw.gives_up = gives_up

    connection.close()  # a connection that is already open would have no limits
    connection_created.connect(limit, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(limit)
        connection.close()
