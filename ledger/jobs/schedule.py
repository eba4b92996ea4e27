"""Registers the scheduled jobs of all apps, and decides when each job is due. All times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured

from ledger.db.models import JobRecord

DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
# A failed job is tried again after its period. If the period is longer than this time, the job is
# tried again after this time.
TRIED_AGAIN = timedelta(hours=1)
# A job is late if it was not done for its period plus this time. The job may run during this time.
SLACK = timedelta(hours=2)
# Note [Times to come]: if a clock was ahead and was then corrected, records contain times in the
# future. An attacker who controls a worker can also write such times. If Ledger accepted them, the
# job would not run until that time, and no alarm would report this. Therefore a time later than now
# plus AHEAD is treated as missing. The job then runs and writes its record again.
AHEAD = timedelta(minutes=1)


@dataclass(frozen=True)
class ScheduledJob:
    """A command of manage.py that runs once per period. The periods are counted from the time `at`,
    such as "01:30".

    `after` is the name of another job. This job runs only after a run of that job which began in
    the same period and after midnight, because an earlier run would not include the day that has
    just ended. If `is_last` is true, this job runs after all other jobs with the same time, because
    this job uses their results.
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
        """Returns whether the job was never done, or was last done longer ago than its period plus
        SLACK.
        """
        done_at = until(now, record.done_at if record else None)
        return done_at is None or now - done_at > self.every + SLACK


# The jobs, in the order in which a worker runs them if they are due at the same time.
JOBS: list[ScheduledJob] = []
# A job that is recorded like other jobs, but that workers do not run, because it needs a file
# outside the database.
BACKUP = ScheduledJob("backup")


def register(job: ScheduledJob) -> None:
    """Registers a job. Call this in the module `scheduled` of an app. The job runs after earlier
    registered jobs with the same time.

    Raises ImproperlyConfigured if the name is already registered, or if the job `after` is not
    registered.
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
    """Returns whether the job should start now. Ignores the claims of workers."""
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
    """Returns `moment`, or None if `moment` is in the future: see Note [Times to come]."""
    return None if moment is None or moment > now + AHEAD else moment


def ahead(records: Mapping[str, JobRecord], now: datetime) -> list[str]:
    """Returns the names of the jobs whose records contain a future time."""
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
