"""Reads and writes the rows of `job_records`: when each job was last done, and which worker has
claimed the job.

Note [Claims of jobs]: a worker claims a job with a row instead of an advisory lock. A session lock
does not work behind pgbouncer, and a transaction lock would keep a transaction open during a whole
audit. A claim ends after CLAIM_SECONDS unless its worker renews it, so a killed worker blocks a job
only for this time. Claims only avoid unnecessary work: every job may safely run twice at the same
time. All times are times of the database.

Renewing and ending a claim does not wait for a synchronous standby. Otherwise a lost standby would
make a worker lose its running job, or delay a worker that is stopped. If a failover loses such a
change, another worker runs the job, or the job stays claimed for CLAIM_SECONDS. Taking a claim
waits for the standby, because without the standby the job's commits would not be confirmed either.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db import transaction as db_transaction

from ledger.db.commits.confirmation import waiting_for_no_standby
from ledger.db.models import JobRecord
from ledger.jobs.schedule import JOBS, ScheduledJob, is_due, until

CLAIM_SECONDS = 60
_CLAIM = timedelta(seconds=CLAIM_SECONDS)


@dataclass(frozen=True)
class JobStatus:
    """The state of a job. `seconds_ago` is the time since the job was last done, or None if it was
    never done. Future times count as None: see Note [Times to come].
    """

    name: str
    done_at: datetime | None
    failed_at: datetime | None
    error: str
    seconds_ago: float | None
    is_late: bool


def status_of(jobs: Sequence[ScheduledJob] = JOBS) -> list[JobStatus]:
    """Returns for each job when it was last done, when it last failed, and whether it is late.
    Sends two queries.
    """
    records, now = read(), clock()
    return [_status(job, records.get(job.name), now) for job in jobs]


def read() -> dict[str, JobRecord]:
    """Returns a dict from the name of a job to its record."""
    return {record.name: record for record in JobRecord.objects.all()}


def clock() -> datetime:
    """Returns the database server's current time."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def claim(*, job: ScheduledJob, worker: str) -> bool:
    """Claims the job for the worker if the job is due and no other worker has claimed it. Returns
    whether the worker has the claim now.

    A worker can claim a job again, for example if it got no answer to an earlier COMMIT.
    """
    JobRecord.objects.bulk_create([JobRecord(name=job.name)], ignore_conflicts=True)
    with db_transaction.atomic(durable=True):
        free = JobRecord.objects.select_for_update(skip_locked=True).filter(name=job.name).first()
        now = clock()
        if free is None or not is_due(job, read(), now):
            return False
        claim_ends = until(now + _CLAIM, free.claim_ends)
        if claim_ends is not None and claim_ends > now and free.claimed_by != worker:
            return False
        free.claimed_by, free.claim_ends = worker, now + _CLAIM
        free.save(update_fields=["claimed_by", "claim_ends"])
    return True


def renew(*, name: str, worker: str) -> bool:
    """Extends the worker's claim to CLAIM_SECONDS from now. Returns False if the worker no longer
    has the claim.
    """
    claimed = JobRecord.objects.filter(name=name, claimed_by=worker)
    with waiting_for_no_standby():
        return bool(claimed.update(claim_ends=clock() + _CLAIM))


def give_back(*, worker: str) -> None:
    """Ends all claims of this worker."""
    with waiting_for_no_standby():
        JobRecord.objects.filter(claimed_by=worker).update(claimed_by="", claim_ends=None)


def note_done(*, name: str, began_at: datetime, waits: bool = True) -> None:
    """Records that a run has done the job. `began_at` is when the run began. If `waits` is false,
    the commit does not wait for a synchronous standby, and a failover may lose the record.
    """
    facts = {"began_at": began_at, "done_at": clock()}
    _note(name, facts, waits=waits)


def note_failed(*, name: str, error: str, waits: bool = True) -> None:
    """Records that the job failed. `error` is the kind of error, without values. If `waits` is
    false, the commit does not wait for a synchronous standby.
    """
    _note(name, {"failed_at": clock(), "error": error[:200]}, waits=waits)


def _note(name: str, facts: Mapping[str, object], *, waits: bool) -> None:
    with nullcontext() if waits else waiting_for_no_standby():
        JobRecord.objects.update_or_create(name=name, defaults=facts)


def _status(job: ScheduledJob, record: JobRecord | None, now: datetime) -> JobStatus:
    found = record or JobRecord(name=job.name)
    done_at = until(now, found.done_at)
    return JobStatus(
        name=job.name,
        done_at=done_at,
        failed_at=until(now, found.failed_at),
        error=found.error,
        seconds_ago=(now - done_at).total_seconds() if done_at else None,
        is_late=job.is_late(record, now),
    )
