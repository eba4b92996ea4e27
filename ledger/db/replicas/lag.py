"""How far each replica is behind the writer, for `/readyz?verbose` and the log."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import Error

from ledger.db.probe import short_connection
from ledger.db.replicas import log as lines
from ledger.db.replicas.known import Replica

POSITION = "(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"  # in bytes of WAL
SECONDS = 2


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
            (position,) = writer.execute(f"SELECT {POSITION}").fetchone() or (None,)
    except Error:
        position = None
    return [_figures(replica, position) for replica in found]


def _figures(replica: Replica, position: int | None) -> ReplicaFigures:
    answer = replica.answer
    replayed = answer.replayed if answer else None
    behind = None if position is None or replayed is None else max(0, position - replayed)
    seconds = answer.seconds_behind if answer else None
    return ReplicaFigures(replica.alias, replica.why_out, behind, seconds)


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
