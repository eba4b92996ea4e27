"""Checks that a replica follows the current writer, not a server from before a failover.

Note [Writer's mark]: WAL positions can be compared only on the same timeline. After a failover, a
standby may still follow the old primary. The standby's position may be higher than the position of
the new primary, although the standby does not have the new primary's rows. Therefore the table
`writer_mark` has one row, the mark: the time when the writer's server started. No other server has
the same time. The query that loads a session also reads the server's start time and the mark. If
these differ, for example after a failover or a restart, the request writes the mark again. A
replica with the same mark has replayed everything that this writer wrote before the mark, so the
replica is on the same timeline. Other replicas are not used for the request. The position in a
session's row is also on that timeline, because the row was written on that timeline.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db import connection, models
from django.db import transaction as db_transaction
from django.db.models.expressions import Func

STARTED = "pg_postmaster_start_time()"
MARK = "(SELECT started_at FROM writer_mark)"
# If another session is writing the row, this SQL statement skips the row, so no request waits.
WRITE_MARK = f"""UPDATE writer_mark SET started_at = {STARTED}
    WHERE id IN (SELECT id FROM writer_mark WHERE started_at <> {STARTED} FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - constants

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class SeenWriter:
    """The start time of the server that answered a query (`started`), and the start time in its
    table `writer_mark` (`marked`): see Note [Writer's mark]. `started` is None for a standby.
    """

    started: datetime | None = None
    marked: datetime | None = None

    @property
    def needs_mark(self) -> bool:
        return self.started is not None and self.started != self.marked


@dataclass(frozen=True, slots=True)
class Needed:
    """The state that a replica must have replayed before a request can use the replica. `writer` is
    the start time of the current writer (Note [Writer's mark]). `position` is the WAL position in
    bytes. If `position` is None, every position is enough.
    """

    writer: datetime | None
    position: int | None = None


class _Moment(Func):
    output_field = models.DateTimeField()


def with_writer(rows: "models.QuerySet[M]") -> "models.QuerySet[M]":
    """Returns the queryset with two additional fields, which `seen_with` reads: the start time of
    the writer, and the start time in the table `writer_mark`.
    """
    started = f"CASE WHEN NOT pg_is_in_recovery() THEN {STARTED} END"
    found = rows.annotate(
        writer_started=_Moment(template=started), writer_marked=_Moment(template=MARK)
    )
    return cast("models.QuerySet[M]", found)


def seen_with(row: Any) -> SeenWriter:
    """Returns the writer's start time and the time in the table `writer_mark`, from a row of
    `with_writer`. Sends no query.
    """
    return SeenWriter(getattr(row, "writer_started", None), getattr(row, "writer_marked", None))


def write_mark() -> None:
    """Writes the start time of the current writer into the table `writer_mark`: see Note [Writer's
    mark]. The commit does not wait for a standby, because a later request writes a lost mark again.
    """
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(WRITE_MARK)
