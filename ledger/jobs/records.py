"""When each job was last done, and which worker has it: rows of `job_records`.

Note [Claims of jobs]: a worker claims a job by a row, not by an advisory lock: a lock of a session
does not work behind pgbouncer, and one of a transaction would keep that open for a whole audit. A
claim ends after CLAIM_SECONDS unless its worker renews it, so a worker that was killed keeps a job
no longer. It saves work and protects nothing: every job may run twice at the same time, so a worker
that was paused for longer than its claim does no harm. All times are those of the database.

So renewing and ending a claim does not wait for a synchronous standby: a failover that loses it
gives the job to another worker, or keeps it for CLAIM_SECONDS. Otherwise a lost standby would take
a running job from its worker, and a worker that is told to stop would wait for it. Taking a claim
waits: nothing that the job commits would be confirmed either.
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
    """What is known of a job. `seconds_ago` is since it was last done, None if it never was. A time
    that is yet to come is None: see Note [Times to come].
    """

    name: str
    done_at: datetime | None
    failed_at: datetime | None
    error: str
    seconds_ago: float | None
    is_late: bool


def status_of(jobs: Sequence[ScheduledJob] = JOBS) -> list[JobStatus]:
    """When each job was last done, failed, and whether it is late. Two queries."""
    records, now = read(), clock()
    return [_status(job, records.get(job.name), now) for job in jobs]


def read() -> dict[str, JobRecord]:
    """All records, by the name of their job."""
    return {record.name: record for record in JobRecord.objects.all()}


def clock() -> datetime:
    """The time of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def claim(*, job: ScheduledJob, worker: str) -> bool:
    """Gives the worker the job if it is due and nobody else has it; False otherwise.

    A claim under the worker's own name is one whose COMMIT got no answer: it counts as free.
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
    """Makes the worker's claim last CLAIM_SECONDS from now on; False if another has the job."""
    mine = JobRecord.objects.filter(name=name, claimed_by=worker)
    with waiting_for_no_standby():
        return bool(mine.update(claim_ends=clock() + _CLAIM))


def give_back(*, worker: str) -> None:
    """Ends every claim of the worker."""
    with waiting_for_no_standby():
        JobRecord.objects.filter(claimed_by=worker).update(claimed_by="", claim_ends=None)


def note_done(*, name: str, began_at: datetime, waits: bool = True) -> None:
    """Records that the job was done by a run that began then; unless it `waits` for a synchronous
    standby, a failover may forget it.
    """
    facts = {"began_at": began_at, "done_at": clock()}
    _note(name, facts, waits=waits)


def note_failed(*, name: str, error: str, waits: bool = True) -> None:
    """Records that the job failed, likewise. `error` is its kind, without values."""
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
