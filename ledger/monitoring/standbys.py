"""Metrics about replicas: their delay, and whether this process uses them."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db import replicas
from ledger.db.replicas import known

# The label for each reason. All errors have the label "error", and the log contains the reason.
REASONS = {
    known.NOT_PROBED: "not_asked",
    known.NO_STANDBY: "no_standby",
    known.NO_POSITION: "no_position",
    known.TOO_FAR_BEHIND: "too_far_behind",
    replicas.OTHER_WRITER: "other_writer",
}
SILENT, ERROR = "no_answer", "error"


def place_of_writer(found: psycopg.Connection[Any]) -> replicas.WriterPlace:
    """Returns the writer's WAL position in bytes and the start time of its server. Without
    replicas, returns (None, None) and sends no query.
    """
    row = found.execute(replicas.WRITER_QUERY).fetchone() if replicas.aliases() else None
    return row or (None, None)


def families(writer: replicas.WriterPlace) -> Iterator[Metric]:
    """Yields the metrics of all replicas. Without replicas, the metrics have no values."""
    label = ["replica"]
    used = GaugeMetricFamily("ledger_replica_used", "1: it is read from.", labels=label)
    out = GaugeMetricFamily(
        "ledger_replica_left_out",
        "1, with the reason why it is not read from.",
        labels=["replica", "reason"],
    )
    behind = GaugeMetricFamily(
        "ledger_replica_lag_bytes", "Bytes of WAL that it has not replayed.", labels=label
    )
    seconds = GaugeMetricFamily(
        "ledger_replica_lag_seconds", "Age of the last replayed data; 0: nothing is missing.",
        labels=label,
    )  # fmt: skip
    found = replicas.replicas() if replicas.aliases() else ()
    for replica, figures in zip(found, replicas.lag_at(writer, found), strict=True):
        reason = _reason(replica, figures.why_out)
        used.add_metric([figures.name], float(not reason))
        if reason:
            out.add_metric([figures.name, reason], 1)
        if figures.bytes_behind is not None:
            behind.add_metric([figures.name], figures.bytes_behind)
        if figures.seconds_behind is not None:
            seconds.add_metric([figures.name], figures.seconds_behind)
    yield from (used, out, behind, seconds)


def _reason(replica: known.Replica, why_out: str) -> str:
    """Returns the label for the reason why a replica is not used, or "" if the replica is used."""
    if why_out:
        return REASONS.get(why_out, ERROR)
    answer = replica.answer
    return SILENT if answer is None or time.monotonic() - answer.at > known.STALE else ""
