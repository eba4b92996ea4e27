"""Calculates how far each replica is behind the writer, for `/readyz?verbose` and the log."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import Error

from ledger.db.outages.probe import short_connection
from ledger.db.replicas import log as lines
from ledger.db.replicas.known import Replica
from ledger.db.replicas.writer import STARTED

POSITION = "(pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint"  # bytes of WAL
WRITER_QUERY = f"SELECT {POSITION}, {STARTED}"
# Position and start time of the writer; None if not known.
WriterPlace = tuple[int | None, datetime | None]
SECONDS = 2
OTHER_WRITER = "it has not replayed anything from the server that takes writes"


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """The delay of one replica. An unknown delay is None. `why_out` is the reason why the replica
    is not used, or "".
    """

    name: str
    why_out: str
    bytes_behind: int | None
    seconds_behind: float | None


def lag_of(found: Iterable[Replica]) -> list[ReplicaLag]:
    """Returns the delay of each replica. Queries the WAL position of the writer once."""
    try:
        with short_connection(SECONDS) as writer:
            row = writer.execute(WRITER_QUERY).fetchone()
    except Error:
        row = None
    return lag_at(row or (None, None), found)


def lag_at(writer: WriterPlace, found: Iterable[Replica]) -> list[ReplicaLag]:
    """Returns the delay of each replica. `writer` is the result of WRITER_QUERY, which contains the
    WAL position of the writer.
    """
    return [_lag(replica, *writer) for replica in found]


def _lag(replica: Replica, position: int | None, started: datetime | None) -> ReplicaLag:
    answer = replica.answer
    replayed = answer.replayed if answer else None
    behind = None if position is None or replayed is None else max(0, position - replayed)
    seconds = answer.seconds_behind if answer else None
    is_other = answer is not None and started is not None and answer.writer != started
    why_out = replica.why_out or (OTHER_WRITER if is_other else "")
    return ReplicaLag(replica.alias, why_out, behind, seconds)


def log(replica: Replica) -> None:
    """Logs the delay of the replica, and the number of its reads since the previous log line about
    it.
    """
    (now,) = lag_of([replica])
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
