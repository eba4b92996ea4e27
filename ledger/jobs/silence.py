"""When a worker gives up a server that hangs: see Note [A server that hangs].

Note [Silence in a worker]: a statement of a job may take long, so how long it takes does not say
that its server hangs. But the worker renews its claim meanwhile, on a connection of its own and
with little time. While renewals are answered the server lives. After SILENT_SECONDS without an
answer the claim has ended too, so another worker may have the job, and whatever still waits is
given up. The worker's own statements, such as claims, get as long.

That does not find a single session that stands still while its server answers others: Postgres
says of a session what it does, not whether its process runs. For that one each statement of a job
has a limit, `LEDGER_JOB_STATEMENT_TIMEOUT`.
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
    """Since when nothing was heard from a worker's server."""

    def __init__(self) -> None:
        self._heard_at = monotonic()

    def end(self) -> None:
        """Says that the server has answered, or that it is asked only now."""
        self._heard_at = monotonic()

    def is_too_long(self) -> bool:
        return monotonic() - self._heard_at > SILENT_SECONDS


@contextmanager
def limited_connections(
    seconds: float, gives_up: Callable[[], bool] | None = None
) -> Iterator[None]:
    """Within the block, each connection of this thread has this `statement_timeout`, 0 for none,
    and a limit for a server that hangs: that time and a grace, and as soon as `gives_up` says so.
    """
    ours = threading.get_ident()

    def limit(connection: Any, **_facts: object) -> None:
        if threading.get_ident() != ours:
            return
        raw = connection.raw
        if seconds and not connection.is_behind_pooler:
            with raw.limited_to(connection.connect_seconds):
                raw.execute(f"SET statement_timeout = {int(seconds * 1000)}", prepare=False)
        raw.limit_statements(seconds)
        raw.gives_up = gives_up

    connection.close()  # one that was open has no limits
    connection_created.connect(limit, weak=False)
    try:
        yield
    finally:
        connection_created.disconnect(limit)
        connection.close()
