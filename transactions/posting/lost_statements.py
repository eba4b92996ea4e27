"""Statements that commit by themselves, and whose answer was lost.

Note [Lost statements]: the server needs nothing more from the client to run a statement that
commits by itself. If its session stands still, or the connection is cut while the statement waits
in a buffer, the server may run it after its caller has gone. Meanwhile a repeat may be refused, as
for lack of money. So no refusal of a repeat is final before the lost statement cannot post any
more:

- Each statement has a time of its own, `VALID_SECONDS` after it was sent: the moment of booking,
  which the server reads after it has locked the accounts, has to be before. This holds in every
  process and behind a pooler. Who locks the accounts later sees the row, or it will never be there.
  A call tries for longer than that after a lost answer, so when it says that the outcome is
  unknown, the time has passed: by clocks that agree, and unless another error, such as a full
  disk, has ended the tries.
- Before that time `is_over` ends its session, if it can tell which one that is and may end it. The
  process that sent it remembers it for its repeats; others know nothing of it, and the time is all
  that helps them.

Whatever is in a transaction with a BEGIN needs a COMMIT from the client. One that waits in a buffer
keeps the locks of its accounts, so a repeat waits for it, and is not refused.
"""

import time
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.utils import timezone

from ledger.db.retry import UNTIL_BACK

# A payment that waits for locks for longer goes the long way, and waits again.
VALID_SECONDS: float = UNTIL_BACK
REMEMBERED_SECONDS = 180  # with room for clocks that differ: a time that has passed costs nothing
END_WITHIN = 1000  # milliseconds for the session of a lost statement to end


class LostStatement(NamedTuple):
    """The process id of its session, when it was sent, and until when it may post."""

    pid: int
    sent_at: float  # time.monotonic()
    valid_until: datetime


_lost: dict[UUID, list[LostStatement]] = {}  # by the id of the payment; in this process


def sent_now(pid: int) -> LostStatement:
    """For a statement that is sent now to the session with this process id."""
    valid_until = timezone.now() + timedelta(seconds=VALID_SECONDS)
    return LostStatement(pid, time.monotonic(), valid_until)


def remember(id: UUID, statement: LostStatement) -> None:
    """Keeps it for repeats of the payment with this id."""
    oldest = time.monotonic() - REMEMBERED_SECONDS
    for known, statements in list(_lost.items()):
        if all(each.sent_at < oldest for each in statements):
            _lost.pop(known, None)
    _lost.setdefault(id, []).append(statement)


def lost_before(id: UUID) -> list[LostStatement]:
    """The statements of earlier calls with this id."""
    return list(_lost.get(id, ())) if _lost else []


# A session that began later only has its number. Of another user's, who may end it are the members
# of that user; one in another database has its number on another server, which took over.
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
    """Whether a statement cannot post any more, to who locks its accounts from now on. Ends its
    session if its time has not passed. Behind a pooler, in either mode, nobody knows which session
    that was; and one of another user, as after a change of login, may not be ended.
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
