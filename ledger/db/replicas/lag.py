"""How far each replica is behind the writer, for `/readyz?verbose` and the log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from ledger.db.outages.probe import short_connection
from ledger.db.replicas import log as lines
from ledger.db.replicas.known import Replica
from ledger.db.replicas.writer import STARTED

POSITION = "(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"  # in bytes of WAL
ASK_WRITER = f"SELECT {POSITION}, {STARTED}"
WriterPlace = tuple[int | None, datetime | None]  # its position, and when it started; if known
SECONDS = 2
OTHER_WRITER = "it has replayed nothing of the server that writes now"


@dataclass(frozen=True, slots=True)
class ReplicaFigures:
    """One replica as this process sees it; `why_out` is "" while it is used. None: not known."""

    name: str
    why_out: str
    bytes_behind: int | None
    seconds_behind: float | None


def figures(found: Iterable[Replica]) -> list[ReplicaFigures]:
    """The figures of these replicas. Asks the writer for its position, once."""
    try:
        with short_connection(SECONDS) as writer:
            row = writer.execute(ASK_WRITER).fetchone()
    except Error:
        row = None
    return figures_at(row or (None, None), found)


def figures_at(writer: WriterPlace, found: Iterable[Replica]) -> list[ReplicaFigures]:
    """The figures of these replicas for an answer of the writer to ASK_WRITER."""
    return [_figures(replica, *writer) for replica in found]


def _figures(replica: Replica, position: int | None, started: datetime | None) -> ReplicaFigures:
    answer = replica.answer
    replayed = answer.replayed if answer else None
    behind = None if position is None or replayed is None else max(0, position - replayed)
    seconds = answer.seconds_behind if answer else None
    is_other = answer is not None and started is not None and answer.writer != started
    why_out = replica.why_out or (OTHER_WRITER if is_other else "")
    return ReplicaFigures(replica.alias, why_out, behind, seconds)


def log(replica: Replica) -> None:
    """Writes a line with its figures, and how many reads it had since the last such line."""
    (now,) = figures([replica])
    reads, repeated, replica.reads, replica.repeated = replica.reads, replica.repeated, 0, 0
    lines.write(
        "replica.lag",
        replica.alias,
        bytes_behind=now.bytes_behind,
        seconds_behind=now.seconds_behind,
        is_used=not now.why_out,
        reads=reads,
        repeated=repeated,
    )
