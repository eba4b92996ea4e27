"""When a job is due and when it is late, from what is recorded alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands, load_command_class

from ledger.db.models import JobRecord
from ledger.env import BASE_DIR
from ledger.jobs import schedule
from ledger.jobs.command import JobCommand
from ledger.jobs.schedule import BACKUP, DAY, JOBS, ScheduledJob, is_due

NIGHTLY = ScheduledJob("audit_ledger", at="01:30")
AFTER_IT = ScheduledJob("seal_ledger", at="01:30", after="audit_ledger")
OFTEN = ScheduledJob("expire_holds", every=timedelta(minutes=5))


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def done(name: str, began: datetime) -> JobRecord:
    return JobRecord(name=name, began_at=began, done_at=began + timedelta(minutes=1))


@pytest.mark.parametrize(
    ("began", "now", "due"),
    [
        (at(2, 1, 30), at(2, 23, 59), False),  # done in this period
        (at(2, 1, 30), at(3, 1, 29), False),
        (at(2, 1, 30), at(3, 1, 30), True),
        (at(2, 1, 29), at(2, 1, 31), True),  # begun in the period before, ended in this one
        (at(2, 12), at(3, 1, 30), True),  # by hand, at noon
    ],
)
def test_a_nightly_job_is_due_once_from_its_time_on(
    began: datetime, now: datetime, *, due: bool
) -> None:
    assert is_due(NIGHTLY, {"audit_ledger": done("audit_ledger", began)}, now) is due


def test_a_job_that_was_never_done_is_due_at_once() -> None:
    assert is_due(NIGHTLY, {}, at(2, 17))
    assert is_due(OFTEN, {"expire_holds": JobRecord(name="expire_holds")}, at(2, 17))


def test_one_that_follows_another_waits_until_that_was_done_in_this_period() -> None:
    now = at(3, 2)
    assert not is_due(AFTER_IT, {}, now)
    assert not is_due(AFTER_IT, {"audit_ledger": done("audit_ledger", at(2, 1, 30))}, now)
    assert is_due(AFTER_IT, {"audit_ledger": done("audit_ledger", at(3, 1, 30))}, now)


def test_after_midnight_one_that_follows_another_waits_for_the_next_run_of_that() -> None:
    """The day that is over now was not yet over when the other one ran."""
    proved = {"audit_ledger": done("audit_ledger", at(2, 1, 30))}
    assert is_due(AFTER_IT, proved, at(2, 23, 59))
    assert not is_due(AFTER_IT, proved, at(3, 0, 20))


@pytest.mark.parametrize(
    ("job", "now", "due"),
    [(NIGHTLY, at(3, 2, 29), False), (NIGHTLY, at(3, 2, 30), True), (OFTEN, at(3, 1, 35), True)],
)
def test_a_failed_job_is_tried_again_after_its_period_or_an_hour(
    job: ScheduledJob, now: datetime, *, due: bool
) -> None:
    failed = JobRecord(name=job.name, failed_at=at(3, 1, 30))
    assert is_due(job, {job.name: failed}, now) is due


def test_a_failure_of_yesterday_does_not_delay_today() -> None:
    failed = JobRecord(name="audit_ledger", failed_at=at(3, 1, 20))
    assert is_due(NIGHTLY, {"audit_ledger": failed}, at(3, 1, 30))


@pytest.mark.parametrize(
    ("job", "hours", "late"),
    [(NIGHTLY, 25, False), (NIGHTLY, 27, True), (OFTEN, 1, False), (OFTEN, 3, True)],
)
def test_a_job_is_late_two_hours_after_its_period(
    job: ScheduledJob, hours: int, *, late: bool
) -> None:
    record = done(job.name, at(2, 1, 30))
    assert record.done_at is not None
    assert job.is_late(record, record.done_at + timedelta(hours=hours)) is late


def test_a_job_that_was_never_done_is_late() -> None:
    assert NIGHTLY.is_late(None, at(2, 1))
    assert NIGHTLY.is_late(JobRecord(name="audit_ledger"), at(2, 1))


NOW, SOON = at(3, 2), timedelta(seconds=59)
FUTURE_TIMES = (timedelta(seconds=61), timedelta(days=365))


@pytest.mark.parametrize("by", FUTURE_TIMES)
def test_a_time_that_is_yet_to_come_counts_as_none(by: timedelta) -> None:
    """As after a clock that ran ahead and was put back."""
    for job in (NIGHTLY, OFTEN):
        assert job.is_late(done(job.name, NOW + by), NOW)
        assert is_due(job, {job.name: done(job.name, NOW + by)}, NOW)
        assert is_due(job, {job.name: JobRecord(name=job.name, failed_at=NOW + by)}, NOW)
    assert not is_due(AFTER_IT, {"audit_ledger": done("audit_ledger", NOW + by)}, NOW)


def test_a_time_that_is_just_ahead_counts() -> None:
    just_done = JobRecord(name="expire_holds", began_at=NOW + SOON, done_at=NOW + SOON)
    assert not OFTEN.is_late(just_done, NOW)
    assert not is_due(OFTEN, {"expire_holds": just_done}, NOW)


@pytest.mark.parametrize("field", ["began_at", "done_at", "failed_at"])
def test_jobs_with_a_time_that_is_yet_to_come_are_named(field: str) -> None:
    records = {
        "audit_ledger": done("audit_ledger", at(3, 1, 30)),
        "backup": JobRecord(name="backup"),
        "expire_holds": JobRecord(name="expire_holds", **{field: NOW + FUTURE_TIMES[0]}),
        "send_alerts": JobRecord(name="send_alerts", **{field: NOW + SOON}),
    }
    assert schedule.ahead(records, NOW) == ["expire_holds"]


def test_each_job_is_a_command_that_records_itself_under_its_name() -> None:
    commands = get_commands()
    for job in (*JOBS, BACKUP):
        command = load_command_class(commands[job.name], job.name)
        assert isinstance(command, JobCommand)
        assert command.job == job.name


@pytest.mark.parametrize("path", ["deploy/aws/ledger_aws/tasks.py", "docs/running.md"])
def test_each_job_is_named_where_no_registry_is_read(path: str) -> None:
    text = (BASE_DIR / path).read_text()
    assert [job.name for job in JOBS if job.name not in text] == []


def test_what_follows_a_job_comes_after_it_in_the_list() -> None:
    names = [job.name for job in JOBS]
    for job in JOBS:
        assert not job.after or names.index(job.after) < names.index(job.name)


def test_alerts_are_sent_after_what_the_other_frequent_jobs_do() -> None:
    frequent = [job.name for job in JOBS if job.every < DAY]
    assert {"apply_rules", "pay_standing_orders"} < set(frequent)
    assert frequent[-1] == "send_alerts"


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> list[ScheduledJob]:
    """A list in place of the bank's."""
    found: list[ScheduledJob] = []
    monkeypatch.setattr(schedule, "JOBS", found)
    return found


def test_jobs_run_by_their_time_then_in_the_order_of_their_apps(
    registered: list[ScheduledJob],
) -> None:
    sent = ScheduledJob("send_alerts", every=timedelta(minutes=1), is_last=True)
    for job in (NIGHTLY, AFTER_IT, sent, OFTEN):
        schedule.register(job)
    assert registered == [OFTEN, sent, NIGHTLY, AFTER_IT]


@pytest.mark.parametrize(
    "job", [replace(NIGHTLY, at="03:00"), BACKUP, ScheduledJob("seal", after="audit")]
)
def test_a_name_that_is_taken_and_an_unknown_one_to_follow_are_refused(
    job: ScheduledJob, registered: list[ScheduledJob]
) -> None:
    schedule.register(NIGHTLY)
    with pytest.raises(ImproperlyConfigured):
        schedule.register(job)
    assert registered == [NIGHTLY]
