"""The jobs that apps have registered, and when each is due. All times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ImproperlyConfigured

from ledger.db.models import JobRecord

DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
# A job that failed is tried again after its period, but at the latest after this time.
TRIED_AGAIN = timedelta(hours=1)
# A job is late when it was not done for its period and this time more, in which it may run.
SLACK = timedelta(hours=2)
# Note [Times to come]: a clock that ran ahead and was put back leaves times of records that are yet
# to come, and whoever takes over a worker can write them. Believed, they would keep a job from
# running until then, and its alarms from ringing. So a time later than this after now counts as
# none; the job runs, which records it anew.
AHEAD = timedelta(minutes=1)


@dataclass(frozen=True)
class ScheduledJob:
    """A command of manage.py that is run every period, counted from `at`, a time such as "01:30".

    With `after`, only once that job was done in the same period, and since midnight: a day that
    ended later was not in it. One that `is_last` runs after the others of its time, whose effects
    it handles.
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
        """Whether it was never done, or not for its period and SLACK."""
        done_at = until(now, record.done_at if record else None)
        return done_at is None or now - done_at > self.every + SLACK


# In the order in which a worker runs those that are due together.
JOBS: list[ScheduledJob] = []
# Recorded like the others, but not run by workers: it needs a file outside the database.
BACKUP = ScheduledJob("backup")


def register(job: ScheduledJob) -> None:
    """Adds a job of an app, in whose module `scheduled` this is called. It runs after those of its
    time that are registered already.

    Raises ImproperlyConfigured for a name that is registered, and one `after` that is not.
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
    """Whether a worker should begin the job now, apart from claims."""
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
    """The moment, or None if it is yet to come: see Note [Times to come]."""
    return None if moment is None or moment > now + AHEAD else moment


def ahead(records: Mapping[str, JobRecord], now: datetime) -> list[str]:
    """The names of the jobs with a time that is yet to come."""
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
