"""Checks that the synchronous standby, if there is one, has confirmed each commit.

Note [Cancelled waits]: a COMMIT waits for the standby, and other sessions do not see its rows yet.
`pg_cancel_backend` ends the wait, and Postgres reports success with a warning. The rows are then
visible, but exist only on the primary and would be lost in a failover. Therefore the warning is
treated as an unknown outcome. Code that finds such a row by its id must also wait for the standby
before it reports the row as booked. Services wait because they lock accounts before they search:
the COMMIT of a transaction with row locks waits like a write. Pages that only read call
`ledger.db.commits.confirmation`.
"""

from typing import Any
from weakref import WeakSet, ref

import psycopg

from ledger.db import counts
from ledger.db.retry import NotConfirmed

# In Postgres's source code, this file produces only warnings about such a wait, in every language
# and version. Either a user cancelled the wait (01000), or the session ended (57P01). A session in
# which `client_min_messages` is above `warning` gets no warnings, so the checks before a deployment
# refuse that setting.
WAITS = "syncrep.c"
NOT_CONFIRMED = "The standby did not confirm this commit: its wait was cancelled."

_cancelled: WeakSet[psycopg.Connection[Any]] = WeakSet()


def listen(raw: psycopg.Connection[Any]) -> None:
    """Makes the connection record every cancelled wait for the standby."""
    # A weak reference, so that there is no cycle and an unused connection is closed immediately.
    known = ref(raw)

    def note(warning: psycopg.errors.Diagnostic) -> None:
        connection = known()
        if connection is not None and warning.source_file == WAITS:
            _cancelled.add(connection)

    raw.add_notice_handler(note)


def check_confirmed(raw: psycopg.Connection[Any] | None) -> None:
    """Raises NotConfirmed if the wait for the standby was cancelled in the last commit of this
    connection.
    """
    if _cancelled and raw is not None and raw in _cancelled:
        _cancelled.discard(raw)
        counts.UNCONFIRMED.inc()
        raise NotConfirmed(NOT_CONFIRMED)
