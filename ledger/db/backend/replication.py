"""Checks that the synchronous standby, if there is one, has confirmed each commit.

Note [Cancelled waits]: COMMIT waits for the standby, and other sessions do not see the rows yet.
`pg_cancel_backend` ends this wait, and Postgres then answers with success and a warning. The rows
are visible, but only on the primary, and a failover loses them. So the warning counts as an unknown
outcome. Code that then looks a row up by its id must also wait for the standby before it calls the
row booked. Services do this, because they lock accounts before they look: a transaction that has
locked a row waits at its COMMIT as a write does. Pages that only read call
`ledger.db.commits.confirmation`.
"""

from typing import Any
from weakref import WeakSet, ref

import psycopg

from ledger.db import counts
from ledger.db.retry import NotConfirmed

# In Postgres's source, this file produces only warnings about such a wait, in every language and
# version: a user cancelled it (01000), or the session ended (57P01). A session with
# `client_min_messages` above `warning` gets no warnings, so the checks before deployment refuse
# that setting.
WAITS = "syncrep.c"
NOT_CONFIRMED = "The standby did not confirm this commit: its wait was cancelled."

_cancelled: WeakSet[psycopg.Connection[Any]] = WeakSet()


def listen(raw: psycopg.Connection[Any]) -> None:
    """Records each cancelled wait of this connection."""
    known = ref(raw)  # no cycle: an unused connection is closed immediately

    def note(warning: psycopg.errors.Diagnostic) -> None:
        connection = known()
        if connection is not None and warning.source_file == WAITS:
            _cancelled.add(connection)

    raw.add_notice_handler(note)


def check_confirmed(raw: psycopg.Connection[Any] | None) -> None:
    """Checks that the last commit of this connection was confirmed.

    Raises NotConfirmed.
    """
    if _cancelled and raw is not None and raw in _cancelled:
        _cancelled.discard(raw)
        counts.UNCONFIRMED.inc()
        raise NotConfirmed(NOT_CONFIRMED)
