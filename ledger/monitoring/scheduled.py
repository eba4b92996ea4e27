"""Metrics about the last run of each scheduled job, whether a worker, cron or a person started the
run.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db.models import JobRecord
from ledger.jobs.schedule import BACKUP, JOBS, until

LABEL = ["command"]  # Prometheus uses the label `job` for something else
RECORDS = "SELECT clock_timestamp(), name, done_at, failed_at FROM job_records"


class JobFigures(NamedTuple):
    """The times of a job's last success and last failure, in seconds since 1970. The value 0 means
    never, or a time in the future: see Note [Times to come].
    """

    name: str
    done_at: float
    failed_at: float
    is_late: bool


def figures(found: psycopg.Connection[Any]) -> list[JobFigures]:
    """Returns the times of all jobs, including jobs that have never run."""
    rows = found.execute(RECORDS).fetchall()
    records = {name: (now, JobRecord(name=name, done_at=done, failed_at=failed))
               for now, name, done, failed in rows}  # fmt: skip
    return [_figures(job.name, *records.get(job.name, (None, None))) for job in (*JOBS, BACKUP)]


def _figures(name: str, now: datetime | None, record: JobRecord | None) -> JobFigures:
    if now is None or record is None:
        return JobFigures(name, 0.0, 0.0, is_late=True)
    job = next(job for job in (*JOBS, BACKUP) if job.name == name)
    done_at, failed_at = (until(now, moment) for moment in (record.done_at, record.failed_at))
    return JobFigures(name, _seconds(done_at), _seconds(failed_at), job.is_late(record, now))


def _seconds(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0


def families(figures: list[JobFigures]) -> Iterator[Metric]:
    """Yields the metrics of all scheduled jobs."""
    done = GaugeMetricFamily(
        "ledger_job_last_done_timestamp_seconds", "When it was last done; 0: never.", labels=LABEL
    )
    failed = GaugeMetricFamily(
        "ledger_job_last_failed_timestamp_seconds", "When it last failed; 0: never.", labels=LABEL
    )
    late = GaugeMetricFamily(
        "ledger_job_late", "1: not done for its period and two hours more.", labels=LABEL
    )
    for each in figures:
        done.add_metric([each.name], each.done_at)
        failed.add_metric([each.name], each.failed_at)
        late.add_metric([each.name], float(each.is_late))
    yield from (done, failed, late)
