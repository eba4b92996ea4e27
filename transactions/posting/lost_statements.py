"""Handles lost SQL statements. Such a statement commits by itself, and the answer of the database
to it was lost.

Note [Lost statements]: the database can run such a statement without the client. If the database
session hangs, or if the connection is cut while the statement waits in a buffer, the statement may
run after the caller has given up. If the caller repeats the call before that, the database may
refuse the repeated call, for example because money is missing. This refusal is not final, because
the lost statement may still insert the row. A refusal is final only when the lost statement can no
longer insert a row. Two rules ensure this:

- Each statement has a deadline, `VALID_SECONDS` after it was sent. The database reads the booking
  time after the accounts are locked, and refuses a booking time after the deadline. The deadline
  works in every process and behind a pooler. If a session locks the accounts after the deadline and
  does not see the row, the row will never exist. After a lost answer, a call retries until after
  the deadline. If the call then reports that the outcome is unknown, the deadline has passed. There
  are two exceptions: the clocks differ, or another error ended the retries, such as a full disk.

- Before the deadline, `is_over` terminates the database session of the statement, if the session is
  known and may be terminated. Only the process that sent the statement remembers the statement for
  repeated calls. Other processes depend on the deadline.

A statement in a transaction with BEGIN cannot post late, because it needs a COMMIT from the client.
While such a statement waits in a buffer, its transaction keeps the accounts locked. So a repeated
call waits for the locks and is not refused.
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
REMEMBERED_SECONDS = 180  # longer than needed, because clocks may differ
END_WITHIN = 1000  # milliseconds to wait until the session of a lost statement ends


class LostStatement(NamedTuple):
    """An SQL statement: the process id of its database session, the time when it was sent, and its
    deadline.
    """

    pid: int
    sent_at: float  # time.monotonic()
    valid_until: datetime


_lost: dict[UUID, list[LostStatement]] = {}  # by payment id; only statements that this process sent


def sent_now(pid: int) -> LostStatement:
    """Returns the LostStatement for an SQL statement that is sent now in the database session with
    this process id. The deadline is `VALID_SECONDS` from now.
    """
    valid_until = timezone.now() + timedelta(seconds=VALID_SECONDS)
    return LostStatement(pid, time.monotonic(), valid_until)


def remember(id: UUID, statement: LostStatement) -> None:
    """Stores this SQL statement, whose answer was lost, for later calls with the same payment id.
    Removes entries that are older than `REMEMBERED_SECONDS`.
    """
    oldest = time.monotonic() - REMEMBERED_SECONDS
    for known, statements in list(_lost.items()):
        if all(each.sent_at < oldest for each in statements):
            _lost.pop(known, None)
    _lost.setdefault(id, []).append(statement)


def lost_before(id: UUID) -> list[LostStatement]:
    """Returns the SQL statements with lost answers that earlier calls sent for this payment id."""
    return list(_lost.get(id, ())) if _lost else []


# If a session started after the statement was sent, only the process id is the same, so the
# statement has ended. A session of another database user can be terminated only by members of that
# user's role. If a session in another database has this process id, there was a failover, and the
# process id belongs to another server.
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
    """Returns whether a lost SQL statement can no longer insert a row. The caller must lock the
    accounts afterwards. Before the deadline, first tries to terminate the statement's database
    session.

    Returns False before the deadline if the session cannot be terminated. Behind a pooler, the
    session is unknown. After a change of login, the session belongs to another database user.
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
