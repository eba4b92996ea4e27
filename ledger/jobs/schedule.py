"""The jobs that apps have registered, and when each is due. All times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured

from ledger.db.models import JobRecord

DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
# A failed job is tried again after its period, or after this time if the period is longer.
TRIED_AGAIN = timedelta(hours=1)
# A job is late if it was not done for its period plus this time, in which it may run.
SLACK = timedelta(hours=2)
# Note [Times to come]: if a clock ran ahead and was set back, records contain times in the future.
# An attacker who takes over a worker can also write such times. If they were accepted, the job
# would not run until then, and its alarms would stay silent. So a time later than now plus this
# margin counts as missing. The job runs, which writes the record again.
AHEAD = timedelta(minutes=1)


@dataclass(frozen=True)
class ScheduledJob:
    """A command of manage.py that runs every period, counted from `at`, a time such as "01:30".

    With `after`, the job runs only once that other job was done in the same period and since
    midnight, because an earlier run did not include the day that has ended. A job with `is_last`
    runs after the others of its time and handles their effects.
    """

    name: str
    every: timedelta = DAY
    at: str = "00:00"
    after: str = ""
    is_last: bool = False

    def period_began(self, now: datetime) -> datetime:
        hours, minutes = map(int, self.at.split(":"))
        first = MIDNIGHT + timedelta(hours=hours, minutes=minutes)
        return now - (now - first) % self.every

    def is_late(self, record: JobRecord | None, now: datetime) -> bool:
        """Returns whether the job was never done, or not within its period plus SLACK."""
        done_at = until(now, record.done_at if record else None)
        return done_at is None or now - done_at > self.every + SLACK


# In the order in which a worker runs jobs that are due at the same time.
JOBS: list[ScheduledJob] = []
# Recorded like the other jobs, but not run by workers: it needs a file outside the database.
BACKUP = ScheduledJob("backup")


def register(job: ScheduledJob) -> None:
    """Registers a job; call it in an app's module `scheduled`. The job runs after the jobs with the
    same time that are already registered.

    Raises ImproperlyConfigured if the name is already registered, or `after` is not.
    """
    names = {each.name for each in (*JOBS, BACKUP)}
    if job.name in names:
        raise ImproperlyConfigured(f"The job {job.name} is registered twice.")
    if job.after and job.after not in names:
        raise ImproperlyConfigured(
            f"The job {job.name} runs after {job.after}, which has to be registered before it."
        )
    JOBS.append(job)
    JOBS.sort(key=lambda each: (each.at, each.is_last))


def is_due(job: ScheduledJob, records: Mapping[str, JobRecord], now: datetime) -> bool:
    """Returns whether a worker should start the job now. Claims are not checked."""
    began = job.period_began(now)
    record = records.get(job.name) or JobRecord(name=job.name)
    if _since(until(now, record.began_at), began):
        return False
    if failed_at := until(now, record.failed_at):
        pause = min(job.every, TRIED_AGAIN)
        if began <= failed_at and now - failed_at < pause:
            return False
    if job.after:
        before = records.get(job.after)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return before is not None and _since(until(now, before.began_at), max(began, midnight))
    return True


def until(now: datetime, moment: datetime | None) -> datetime | None:
    """Returns the time, or None if it is in the future: see Note [Times to come]."""
    return None if moment is None or moment > now + AHEAD else moment


def ahead(records: Mapping[str, JobRecord], now: datetime) -> list[str]:
    """Returns the names of the jobs with a time in the future."""
    return [
        name
        for name, record in records.items()
        if any(
            moment is not None and until(now, moment) is None
            for moment in (record.began_at, record.done_at, record.failed_at)
        )
    ]


def _since(moment: datetime | None, began: datetime) -> bool:
    return moment is not None and moment >= began
