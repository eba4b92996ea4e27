"""The jobs of a bank, in one place, and when each is due. All times are UTC."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.db.models import JobRecord

DAY = timedelta(days=1)
MIDNIGHT = datetime(2000, 1, 1, tzinfo=UTC)
# A job that failed is tried again after its period, but at the latest after this time.
TRIED_AGAIN = timedelta(hours=1)
# A job is late when it was not done for its period and this time more, in which it may run.
SLACK = timedelta(hours=2)


@dataclass(frozen=True)
class ScheduledJob:
    """A command of manage.py that is run every period, counted from `at`, a time such as "01:30".

    With `after`, only once that job was done in the same period, and since midnight: a day that
    ended later was not in it.
    """

    name: str
    every: timedelta = DAY
    at: str = "00:00"
    after: str = ""

    def period_began(self, now: datetime) -> datetime:
        hours, minutes = map(int, self.at.split(":"))
        first = MIDNIGHT + timedelta(hours=hours, minutes=minutes)
        return now - (now - first) % self.every

    def is_late(self, record: JobRecord | None, now: datetime) -> bool:
        """Whether it was never done, or not for its period and SLACK."""
        if record is None or record.done_at is None:
            return True
        return now - record.done_at > self.every + SLACK


# A later job is one line here: the name of a command whose class is a JobCommand.
JOBS = (
    ScheduledJob("expire_holds", every=timedelta(minutes=5)),
    ScheduledJob("apply_rules", every=timedelta(minutes=1)),
    ScheduledJob("pay_standing_orders", every=timedelta(minutes=5)),
    ScheduledJob("send_alerts", every=timedelta(minutes=1)),
    ScheduledJob("audit_ledger", at="01:30"),
    ScheduledJob("seal_ledger", at="01:30", after="audit_ledger"),  # so only days that it proved
    ScheduledJob("issue_statements", at="01:30", after="seal_ledger"),
    ScheduledJob("erase_people", at="02:30"),
    ScheduledJob("apply_retention", at="02:30"),
)
# Recorded like the others, but not run by workers: it needs a file outside the database.
BACKUP = ScheduledJob("backup")


def is_due(job: ScheduledJob, records: Mapping[str, JobRecord], now: datetime) -> bool:
    """Whether a worker should begin the job now, apart from claims."""
    began = job.period_began(now)
    record = records.get(job.name)
    if record is not None and _since(record.began_at, began):
        return False
    if record is not None and record.failed_at is not None:
        pause = min(job.every, TRIED_AGAIN)
        if began <= record.failed_at and now - record.failed_at < pause:
            return False
    if job.after:
        before = records.get(job.after)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return before is not None and _since(before.began_at, max(began, midnight))
    return True


def _since(moment: datetime | None, began: datetime) -> bool:
    return moment is not None and moment >= began
