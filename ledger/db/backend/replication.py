"""A commit is done when the synchronous standby has it, where there is one.

Note [Cancelled waits]: COMMIT waits for the standby while other sessions do not see its rows yet.
`pg_cancel_backend` ends this wait, and Postgres then answers with success and a warning: the rows
are on the primary alone, visible, and gone after a failover. So the warning counts as an unknown
outcome. Who looks a row up then, by its id, has to wait for the standby too before calling it
booked. Services do so, because they lock accounts before they look: a transaction that has locked a
row waits at its COMMIT as a write does. Pages that only read call `ledger.db.commits.confirmation`.
"""

from typing import Any
from weakref import WeakSet, ref

import psycopg

from ledger.db import counts
from ledger.db.retry import NotConfirmed

# In Postgres's source the only warnings of this file, in every language and version: a wait that
# was cancelled by a person (01000), or by the end of the session (57P01). A session with
# `client_min_messages` above `warning` gets none, so the checks before deployment refuse it.
WAITS = "syncrep.c"
NOT_CONFIRMED = "The standby did not confirm this commit: its wait was cancelled."

_cancelled: WeakSet[psycopg.Connection[Any]] = WeakSet()


def listen(raw: psycopg.Connection[Any]) -> None:
    """Remembers each cancelled wait of this connection."""
    known = ref(raw)  # no cycle: a connection that nobody uses is closed at once

    def note(warning: psycopg.errors.Diagnostic) -> None:
        connection = known()
        if connection is not None and warning.source_file == WAITS:
            _cancelled.add(connection)

    raw.add_notice_handler(note)


def check_confirmed(raw: psycopg.Connection[Any] | None) -> None:
    """Raises NotConfirmed if the last commit of this connection was not confirmed."""
    if _cancelled and raw is not None and raw in _cancelled:
        _cancelled.discard(raw)
        counts.UNCONFIRMED.inc()
        raise NotConfirmed(NOT_CONFIRMED)
