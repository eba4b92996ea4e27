"""What is recorded of each run, and who may claim the next one."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from io import StringIO
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db import transaction as db_transaction
from django.test import Client

from ledger.db.models import JobRecord
from ledger.jobs import records, schedule
from ledger.jobs.schedule import JOBS, ScheduledJob
from tests.conftest import set_role
from tests.factories import AccountFactory, UserFactory

NIGHTLY = ScheduledJob("audit_ledger")
DAY = timedelta(days=1)


def record(name: str) -> JobRecord:
    return JobRecord.objects.get(name=name)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_each_job_is_recorded_whoever_runs_it(job: ScheduledJob) -> None:
    before = records.clock()

    call_command(job.name, stdout=StringIO())

    found = record(job.name)
    assert found.began_at is not None
    assert found.done_at is not None
    assert before < found.began_at < found.done_at
    assert found.failed_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("audit_ledger", {"since": "2026-01-01"}),
        ("seal_ledger", {"until": date(2026, 1, 1)}),
        ("erase_people", {"dry_run": True}),
    ],
)
def test_a_part_of_a_job_is_not_recorded(command: str, options: dict[str, object]) -> None:
    call_command(command, stdout=StringIO(), **options)
    assert not JobRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_audit_that_finds_something_is_recorded_as_failed() -> None:
    account = AccountFactory(balance="100")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts DISABLE TRIGGER USER")
        cursor.execute("UPDATE accounts SET balance = 200 WHERE id = %s", [account.pk])
        cursor.execute("ALTER TABLE accounts ENABLE TRIGGER USER")

    with pytest.raises(SystemExit):
        call_command("audit_ledger", stdout=StringIO(), stderr=StringIO())

    found = record("audit_ledger")
    assert (found.done_at, found.error) == (None, "exit code 1")


@pytest.mark.django_db(transaction=True)
def test_of_a_failure_only_the_kind_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_options: object) -> None:
        raise CommandError("Ana Silva has 12.00 USD")

    monkeypatch.setattr("transactions.management.commands.expire_holds.expire_holds", refuse)
    with pytest.raises(CommandError):
        call_command("expire_holds", stdout=StringIO())

    assert record("expire_holds").error == "CommandError"


@pytest.mark.django_db(transaction=True)
def test_a_run_that_cannot_be_recorded_is_done_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(**_facts: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(records, "note_done", refuse)
    out, err = StringIO(), StringIO()

    call_command("expire_holds", stdout=out, stderr=err)

    assert "Released 0 holds" in out.getvalue()
    assert "expire_holds is not recorded" in err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_run_by_the_web_role_is_done_and_says_who_should_run_it() -> None:
    out, err = StringIO(), StringIO()
    connection.ensure_connection()
    set_role("ledger_web")
    try:
        call_command("expire_holds", stdout=out, stderr=err)
    finally:
        set_role(None)
    assert "Released 0 holds" in out.getvalue()
    assert "owner" in err.getvalue()
    assert not JobRecord.objects.filter(name="expire_holds").exists()


@pytest.mark.django_db(transaction=True)
def test_a_job_is_claimed_by_one_worker_until_its_claim_ends() -> None:
    assert records.claim(job=NIGHTLY, worker="a")
    assert not records.claim(job=NIGHTLY, worker="b")
    assert records.claim(job=NIGHTLY, worker="a")  # whose first answer may have been lost

    JobRecord.objects.update(claim_ends=records.clock() - timedelta(microseconds=1))

    assert records.claim(job=NIGHTLY, worker="b")
    assert not records.renew(name=NIGHTLY.name, worker="a")


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_lasts_longer_than_any_is_none() -> None:
    records.claim(job=NIGHTLY, worker="a")
    far = records.clock() + timedelta(seconds=records.CLAIM_SECONDS) + schedule.AHEAD
    JobRecord.objects.update(claim_ends=far - timedelta(seconds=30))
    assert not records.claim(job=NIGHTLY, worker="b")

    JobRecord.objects.update(claim_ends=far + timedelta(seconds=30))
    assert records.claim(job=NIGHTLY, worker="b")


@pytest.mark.django_db
def test_what_was_done_or_failed_in_the_future_has_no_time() -> None:
    now = records.clock()
    JobRecord.objects.create(
        name=NIGHTLY.name, began_at=now, done_at=now + DAY, failed_at=now + DAY
    )
    (found,) = records.status_of([NIGHTLY])
    assert (found.done_at, found.failed_at, found.seconds_ago, found.is_late) == (
        None, None, None, True,
    )  # fmt: skip


@pytest.mark.django_db(transaction=True)
def test_a_renewed_claim_lasts() -> None:
    records.claim(job=NIGHTLY, worker="a")
    JobRecord.objects.update(claim_ends=records.clock() - DAY)

    assert records.renew(name=NIGHTLY.name, worker="a")

    assert not records.claim(job=NIGHTLY, worker="b")


@pytest.mark.django_db(transaction=True)
def test_a_claim_that_was_given_back_is_free() -> None:
    records.claim(job=NIGHTLY, worker="a")
    records.give_back(worker="a")
    assert records.claim(job=NIGHTLY, worker="b")


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_at_once_one_gets_the_job() -> None:
    got: list[str] = []

    def try_to(worker: str) -> None:
        if records.claim(job=NIGHTLY, worker=worker):
            got.append(worker)
        connection.close()

    threads = [Thread(target=try_to, args=[f"worker {number}"]) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 1


@pytest.mark.django_db(transaction=True)
def test_the_web_role_reads_the_records_and_writes_none() -> None:
    records.note_done(name="expire_holds", began_at=records.clock())
    with as_web():
        assert JobRecord.objects.count() == 1
    for write in (
        lambda: JobRecord.objects.update(done_at=None),
        lambda: JobRecord.objects.create(name="mine"),
        lambda: JobRecord.objects.all().delete(),
    ):
        with as_web(), pytest.raises(Exception, match="permission denied"), savepoint():
            write()


@contextmanager
def as_web() -> Iterator[None]:
    set_role("ledger_web")
    try:
        yield
    finally:
        set_role(None)


def savepoint() -> AbstractContextManager[None]:
    found: AbstractContextManager[None] = db_transaction.atomic()
    return found


@pytest.mark.django_db
def test_staff_read_when_each_job_was_last_done(staff: Client) -> None:
    now = records.clock()
    for job in JOBS:
        records.note_done(name=job.name, began_at=now)
    JobRecord.objects.filter(name="seal_ledger").update(done_at=now - 2 * DAY)
    JobRecord.objects.filter(name="expire_holds").delete()

    told = {job["name"]: job for job in staff.get("/readyz?verbose").json()["jobs"]}

    assert set(told) == {job.name for job in JOBS}
    assert {name for name, job in told.items() if job["is_late"]} == {"seal_ledger", "expire_holds"}
    assert told["seal_ledger"]["seconds_ago"] > 2 * 86_400 - 60
    assert told["expire_holds"]["done_at"] is None


@pytest.mark.django_db
def test_customers_do_not_read_of_jobs(client: Client) -> None:
    client.force_login(UserFactory())
    assert "jobs" not in client.get("/readyz?verbose").json()
