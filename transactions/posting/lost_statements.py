"""Statements that commit by themselves, and whose answer was lost.

Note [Lost statements]: the server needs nothing more from the client to run a statement that
commits by itself. If its session hangs, or the connection is cut while the statement waits in a
buffer, the server may run the statement after its caller has gone. Until then a repeat may be
refused, for example for lack of money. So no refusal of a repeat is final until the lost statement
can no longer post:

- Each statement has a deadline, `VALID_SECONDS` after it was sent. The server reads the booking
  time after it has locked the accounts, and the booking time must be before the deadline. This
  works in every process and behind a pooler. A session that locks the accounts after the deadline
  either sees the row, or the row will never exist. After a lost answer, a call retries for longer
  than that. So when it reports that the outcome is unknown, the deadline has passed, provided that
  the clocks agree and that no other error, such as a full disk, has ended the retries.

- Before the deadline, `is_over` ends the session of the statement, if it knows that session and may
  end it. Only the process that sent the statement remembers it for repeats. In other processes,
  only the deadline helps.

A statement in a transaction with BEGIN needs a COMMIT from the client. If the statement waits in a
buffer, its transaction keeps the locks of its accounts, so a repeat waits for it and is not
refused.
"""

import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from ledger.db.retry import UNTIL_BACK

# A payment that waits longer for locks is posted step by step, and waits again.
VALID_SECONDS: float = UNTIL_BACK
REMEMBERED_SECONDS = 180  # longer than needed, for clocks that differ; old entries cost nothing
END_WITHIN = 1000  # milliseconds to wait until the session of a lost statement ends


class LostStatement(NamedTuple):
    """A statement: the process id of its session, when it was sent, and its deadline."""

    pid: int
    sent_at: float  # time.monotonic()
    valid_until: datetime


_lost: dict[UUID, list[LostStatement]] = {}  # by payment id; only in this process


def sent_now(pid: int) -> LostStatement:
    """Returns the record of a statement that is sent now to the session with this process id."""
    valid_until = timezone.now() + timedelta(seconds=VALID_SECONDS)
    return LostStatement(pid, time.monotonic(), valid_until)


def remember(id: UUID, statement: LostStatement) -> None:
    """Stores the statement for repeats of the payment with this id."""
    oldest = time.monotonic() - REMEMBERED_SECONDS
    for known, statements in list(_lost.items()):
        if all(each.sent_at < oldest for each in statements):
            _lost.pop(known, None)
    _lost.setdefault(id, []).append(statement)


def lost_before(id: UUID) -> list[LostStatement]:
    """Returns the statements of earlier calls with this id."""
    return list(_lost.get(id, ())) if _lost else []


# A session that began later is another one with the same process id. A session of another database
# user may be ended only by members of that user's role. A session in another database has this
# process id on another server, after a failover.
END = """
    SELECT coalesce(bool_and(CASE
        WHEN backend_start >= clock_timestamp() - make_interval(secs => %s) THEN true
        WHEN backend_start IS NULL OR datname IS DISTINCT FROM current_database()
             OR NOT pg_has_role(usesysid, 'USAGE') THEN false
        ELSE pg_terminate_backend(pid, %s)
    END), true)
    FROM pg_stat_activity WHERE pid = %s
"""


def is_over(lost: LostStatement) -> bool:
    """Returns whether a statement can no longer post, for a caller that locks its accounts
    afterwards. Ends its session if the deadline has not passed.

    Behind a pooler, in either mode, the session is unknown. A session of another database user, as
    after a change of login, may not be ended.
    """
    database: Any = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() >= %s, pg_backend_pid()", [lost.valid_until])
        has_passed, pid = cursor.fetchone()
        is_known = not database.is_behind_pooler and pid == database.raw.info.backend_pid
        if has_passed or not is_known:
            return bool(has_passed)
        age = time.monotonic() - lost.sent_at
        cursor.execute(END, [age, END_WITHIN, lost.pid])
        (has_ended,) = cursor.fetchone()
    return bool(has_ended)
