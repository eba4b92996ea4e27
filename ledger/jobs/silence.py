"""Measures for how long a worker's server has not answered, so that the worker stops waiting for a
server that hangs: see Note [A server that hangs].

Note [Silence in a worker]: a SQL statement of a job may take long, so a long statement does not
prove that its server hangs. But the worker renews its claim at the same time, on a separate
connection and with a short timeout. As long as these renewals get answers, the server works. After
SILENT_SECONDS without an answer, the claim has ended too, so another worker may have the job. The
worker then stops waiting for all its SQL statements. This limit also applies to the statements of
the worker that do not belong to a job, such as claims.

This does not detect a single session that is stuck while its server answers other sessions.
Postgres reports what a session does, but not whether its process runs. For this case, each
statement of a job has the limit `LEDGER_JOB_STATEMENT_TIMEOUT`.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

from django.db import connection
from django.db.backends.signals import connection_created

from ledger.jobs import records

SILENT_SECONDS: float = records.CLAIM_SECONDS


class Silence:
    """A stopwatch for the time since the last answer of a worker's server."""

    def __init__(self) -> None:
        self._heard_at = monotonic()

    def end(self) -> None:
        """Sets the time to zero. This is called when the server has answered, and when a new SQL
        statement begins.
        """
        self._heard_at = monotonic()

    def is_too_long(self) -> bool:
        return monotonic() - self._heard_at > SILENT_SECONDS


@contextmanager
def limited_connections(
    seconds: float, gives_up: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Limits all connections that this thread opens inside the block. `seconds` is their
    `statement_timeout` (0: no timeout).

    If the server hangs, a connection is closed after this timeout plus a grace period, or earlier
    if `gives_up` returns True.
    """
    this_thread = threading.get_ident()

    def limit(connection: Any, **_facts: object) -> None:
        if threading.get_ident() != this_thread:
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
