"""Metrics about payments: holds, the last audit and the last seal."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db.rights.row_security import read_every_row

MAX_HOLDS = 100_000  # holds above this number are not counted
HOLDS = f"""SELECT count(*), count(*) FILTER (WHERE expires_at <= clock_timestamp()),
    extract(epoch FROM clock_timestamp() - min(expires_at))::float
FROM (SELECT expires_at FROM transactions WHERE status = 'pending' LIMIT {MAX_HOLDS}) AS holds"""  # noqa: S608 - a constant
# The last audit of each scope. The scopes are: all rows, and only rows since a point in time.
AUDITS = """SELECT DISTINCT ON (since IS NULL) CASE WHEN since IS NULL THEN 'all' ELSE 'part' END,
    extract(epoch FROM finished_at)::float, jsonb_array_length(findings),
    extract(epoch FROM finished_at - started_at)::float
FROM audit_runs ORDER BY since IS NULL, started_at DESC, id DESC"""
SEAL = """SELECT number, extract(epoch FROM sealed_at)::float, extract(epoch FROM ends_at)::float
FROM seals ORDER BY number DESC LIMIT 1"""


class HoldFigures(NamedTuple):
    """The single row that the query HOLDS returns. `oldest_seconds` is the number of seconds since
    the oldest hold expired: negative if no hold has expired, and None if there are no holds.
    """

    open: int
    overdue: int
    oldest_seconds: float | None


class AuditFigures(NamedTuple):
    """A row that the query AUDITS returns. Times are in seconds since 1970."""

    scope: str
    finished_at: float
    findings: int
    seconds: float


class SealFigures(NamedTuple):
    """The single row that the query SEAL returns. Times are in seconds since 1970. Before the first
    seal, all values are 0.
    """

    number: int = 0
    sealed_at: float = 0.0
    ends_at: float = 0.0


def holds(found: psycopg.Connection[Any]) -> HoldFigures:
    """Returns the numbers of open and overdue holds in the whole bank."""
    read_every_row(found)
    return HoldFigures(*found.execute(HOLDS).fetchone() or ())


def audits(found: psycopg.Connection[Any]) -> list[AuditFigures]:
    """Returns the last audit of each scope."""
    read_every_row(found)
    return [AuditFigures(*row) for row in found.execute(AUDITS)]


def seal(found: psycopg.Connection[Any]) -> SealFigures:
    """Returns the last seal, with zeros if there is none."""
    return SealFigures(*found.execute(SEAL).fetchone() or ())


def families_of_holds(figures: HoldFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "ledger_holds_open",
        f"Holds that have not ended; counted up to {MAX_HOLDS:,}.",
        figures.open,
    )
    yield GaugeMetricFamily(
        "ledger_holds_overdue", "Open holds that have expired.", figures.overdue
    )
    yield GaugeMetricFamily(
        "ledger_holds_overdue_seconds", "How long the oldest of these has been overdue.",
        max(0.0, figures.oldest_seconds or 0.0),
    )  # fmt: skip


def families_of_audits(figures: list[AuditFigures]) -> Iterator[Metric]:
    """Yields the metrics about the last audits, with the label `scope` ("all" or "part"). Values
    are 0 if there was no audit of this scope.
    """
    ended = GaugeMetricFamily(
        "ledger_audit_last_timestamp_seconds", "End of the last audit; 0: never.", labels=["scope"]
    )
    findings = GaugeMetricFamily(
        "ledger_audit_last_findings", "Number of findings of the last audit.", labels=["scope"]
    )
    took = GaugeMetricFamily(
        "ledger_audit_last_duration_seconds", "Duration of the last audit.", labels=["scope"]
    )
    by_scope = {each.scope: each for each in figures}
    for scope in ("all", "part"):
        last = by_scope.get(scope, AuditFigures(scope, 0.0, 0, 0.0))
        ended.add_metric([scope], last.finished_at)
        findings.add_metric([scope], last.findings)
        took.add_metric([scope], last.seconds)
    yield from (ended, findings, took)


def families_of_seal(figures: SealFigures) -> Iterator[Metric]:
    yield GaugeMetricFamily("ledger_seal_number", "Number of the last seal.", figures.number)
    yield GaugeMetricFamily(
        "ledger_seal_last_timestamp_seconds", "Time of the last seal; 0: never.", figures.sealed_at
    )
    yield GaugeMetricFamily(
        "ledger_seal_until_timestamp_seconds", "Time until which payments are sealed; 0: none.",
        figures.ends_at,
    )  # fmt: skip
