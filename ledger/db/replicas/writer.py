"""Whether a replica follows the server that writes now, and not one from before a failover.

Note [Writer's mark]: positions of WAL can only be compared on one line of it. After a failover, a
standby that follows the old primary, or nobody, may be at a higher position than the new primary,
without what is written there, and with rows that the failover lost. So the table `writer_mark` has
one row: when the writer's server started, which no other server shares. The query that loads a
session also reads when the writer has started, and the mark there. If they differ, as after a
failover or a restart, this request writes the mark anew. A replica that has replayed the same mark
has replayed what this writer has written until then, so it is on its line; no other replica serves
the request. A position in a session's row is always on that line, because the row itself is.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django.db import connection, models
from django.db import transaction as db_transaction
from django.db.models.expressions import Func

STARTED = "pg_postmaster_start_time()"
MARK = "(SELECT started_at FROM writer_mark)"
# A row that somebody else is writing is left to them, so no request waits.
WRITE_MARK = f"""UPDATE writer_mark SET started_at = {STARTED}
    WHERE id IN (SELECT id FROM writer_mark WHERE started_at <> {STARTED} FOR UPDATE SKIP LOCKED)
"""  # noqa: S608 - constants

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, slots=True)
class SeenWriter:
    """When the server that answered has started, and what is marked there; None for a server that
    does not write.
    """

    started: datetime | None = None
    marked: datetime | None = None

    @property
    def needs_mark(self) -> bool:
        return self.started is not None and self.started != self.marked


@dataclass(frozen=True, slots=True)
class Needed:
    """What a replica must have replayed to serve a request: something of the server that writes,
    and the WAL up to the byte `position`, if there is one.
    """

    writer: datetime | None
    position: int | None = None


class _Moment(Func):
    output_field = models.DateTimeField()


def with_writer(rows: "models.QuerySet[M]") -> "models.QuerySet[M]":
    """The rows, each with what `seen_with` reads of it."""
    started = f"CASE WHEN NOT pg_is_in_recovery() THEN {STARTED} END"
    found = rows.annotate(
        writer_started=_Moment(template=started), writer_marked=_Moment(template=MARK)
    )
    return cast("models.QuerySet[M]", found)


def seen_with(row: Any) -> SeenWriter:
    """The writer as the query `with_writer` that read this row has seen it. No query."""
    return SeenWriter(getattr(row, "writer_started", None), getattr(row, "writer_marked", None))


def write_mark() -> None:
    """Marks the server that writes. Waits for no standby: what is lost is written again."""
    with db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        cursor.execute(WRITE_MARK)
