"""Checks that a replica follows the current writer, and not a server from before a failover.

Note [Writer's mark]: WAL positions can be compared only on the same timeline. After a failover, a
standby that follows the old primary, or no server, may have a higher position than the new primary,
without the new primary's rows and with rows that the failover lost. So the table `writer_mark` has
one row: the time when the writer's server started. No other server has the same time. The query
that loads a session also reads when the writer started, and the mark in the table. If they differ,
as after a failover or a restart, this request writes the mark again. A replica that has replayed
the same mark has replayed everything that this writer wrote before the mark, so it is on the same
timeline. Other replicas do not serve the request. A position in a session's row is always on that
timeline, because the row itself is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db import connection, models
from django.db import transaction as db_transaction
from django.db.models.expressions import Func

STARTED = "pg_postmaster_start_time()"
MARK = "(SELECT started_at FROM writer_mark)"
# If another session is writing the row, this statement skips it, so no request waits.
WRITE_MARK = f"""UPDATE writer_mark SET started_at = {STARTED}
    WHERE id IN (SELECT id FROM writer_mark WHERE started_at <> {STARTED} FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - constants

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class SeenWriter:
    """The start time of the server that answered, and the mark that it has; None for a server that
    takes no writes.
    """

    started: datetime | None = None
    marked: datetime | None = None

    @property
    def needs_mark(self) -> bool:
        return self.started is not None and self.started != self.marked


@dataclass(frozen=True, slots=True)
class Needed:
    """What a replica must have replayed to serve a request: the mark of the current writer, and the
    WAL up to the byte `position`, if there is one.
    """

    writer: datetime | None
    position: int | None = None


class _Moment(Func):
    output_field = models.DateTimeField()


def with_writer(rows: "models.QuerySet[M]") -> "models.QuerySet[M]":
    """Returns the rows, each with the fields that `seen_with` reads."""
    started = f"CASE WHEN NOT pg_is_in_recovery() THEN {STARTED} END"
    found = rows.annotate(
        writer_started=_Moment(template=started), writer_marked=_Moment(template=MARK)
    )
    return cast("models.QuerySet[M]", found)


def seen_with(row: Any) -> SeenWriter:
    """Returns the writer's state from a row of `with_writer`. No query."""
    return SeenWriter(getattr(row, "writer_started", None), getattr(row, "writer_marked", None))


def write_mark() -> None:
    """Writes the mark of the current writer. Waits for no standby, because a lost mark is written
    again.
    """
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(WRITE_MARK)
