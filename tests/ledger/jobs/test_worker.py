"""A worker does what is due, once, and goes on after failures."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import timedelta
from io import StringIO
from signal import SIG_DFL, SIGTERM, SIGUSR1, raise_signal, signal
from threading import Barrier, Event, Thread
from typing import Any, NoReturn

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import F

from ledger.db.models import JobRecord
from ledger.jobs import records, worker
from ledger.jobs.schedule import JOBS, ScheduledJob
from ledger.jobs.worker import Worker
from ledger.management.commands import work
from tests.ledger.processes import LONG
from tests.pooler import NEEDS_PGBOUNCER, connected, pgbouncer
from tests.worker_role import as_worker

pytestmark = pytest.mark.django_db(transaction=True)
NAMES = [job.name for job in JOBS]
PASSWORD_REFUSED = 'FATAL:  password authentication failed for user "teller_of_ana"'
ONE = (ScheduledJob("expire_holds"),)
AFTER_AN_AUDIT = ("seal_ledger", "issue_statements")


class Ran(list[str]):
    """The names of commands, in place of running them. Each ends as `ends` says."""

    ends: Callable[[str], None] = staticmethod(lambda _name: None)

    def __call__(self, name: str, **_options: object) -> None:
        self.append(name)
        began_at = records.clock()
        self.ends(name)
        records.note_done(name=name, began_at=began_at)


@pytest.fixture(autouse=True)
def _clock_stands_still(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job is due at each full minute or hour, and no test is to go past one."""
    now = records.clock()
    monkeypatch.setattr(records, "clock", lambda: now)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Ran:
    found = Ran()
    monkeypatch.setattr(worker, "call_command", found)
    return found


def test_everything_is_done_once_in_its_order_and_recorded() -> None:
    lines: list[str] = []
    first = Worker(report=lines.append, out=StringIO(), err=StringIO())

    assert first.run_once()
    assert lines == [f"{name}: done." for name in NAMES]
    assert not any(job.is_late for job in records.status_of())

    assert Worker(report=lines.append).run_once()
    assert len(lines) == len(NAMES)  # nothing was due any more


def test_what_is_recorded_for_a_time_to_come_is_done_and_told_once(ran: Ran) -> None:
    year = timedelta(days=365)
    for name in NAMES:
        records.note_done(name=name, began_at=records.clock())
    JobRecord.objects.update(
        began_at=F("began_at") + year, done_at=F("done_at") + year, failed_at=F("done_at") + year
    )
    lines: list[str] = []
    one = Worker(report=lambda _line: None, complain=lines.append)

    one.run_due()
    assert ran == NAMES
    one.run_due()
    assert ran == NAMES

    assert not any(job.is_late for job in records.status_of())
    (line,) = lines
    assert ", ".join(sorted(NAMES)) in line


def test_what_cron_has_done_a_worker_does_not_do_again(ran: Ran) -> None:
    call_command("expire_holds", stdout=StringIO())
    Worker(report=lambda _line: None, jobs=ONE).run_once()
    assert ran == []


def test_two_workers_at_once_do_each_job_once(ran: Ran) -> None:
    together = Barrier(2, timeout=60)

    def work() -> None:
        together.wait()
        Worker(report=lambda _line: None).run_due()

    threads = [Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # What follows the audit may have been looked at while the other worker still audited.
    Worker(report=lambda _line: None).run_due()

    assert sorted(ran) == sorted(NAMES)


def test_while_one_works_another_leaves_its_job_alone(ran: Ran) -> None:
    other = Worker(report=lambda _line: None, jobs=ONE)

    def look(_name: str) -> None:
        thread = Thread(target=other.run_due)
        thread.start()
        thread.join()

    ran.ends = look
    Worker(report=lambda _line: None, jobs=ONE).run_due()

    assert ran == ["expire_holds"]


def test_a_failed_job_keeps_the_others_from_nothing(
    ran: Ran, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> None:
        if name == "expire_holds":
            raise ValueError("Ana Silva")
        if name == "audit_ledger":
            raise SystemExit(1)
        if name == "apply_retention":
            raise CommandError("Not now.")

    ran.ends = fail
    lines: list[str] = []

    assert not Worker(report=lines.append).run_once()

    assert ran == [name for name in NAMES if name not in AFTER_AN_AUDIT]  # that failed
    assert "Ana" not in "".join(lines)
    assert lines == [
        "expire_holds failed. See the log for the reason.",
        "apply_rules: done.",
        "pay_standing_orders: done.",
        "send_alerts: done.",
        "audit_ledger failed with exit code 1.",
        "erase_people: done.",
        "apply_retention failed: Not now.",
    ]
    assert "The job expire_holds failed." in caplog.text
    assert not JobRecord.objects.exclude(claimed_by="").exists()


def test_a_database_that_is_away_is_told_once_and_asked_again(
    ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, rounds = records.read, iter([True, True, False])

    def read() -> dict[str, JobRecord]:
        if next(rounds, False):
            raise OperationalError(PASSWORD_REFUSED) from psycopg.OperationalError(PASSWORD_REFUSED)
        return found()

    monkeypatch.setattr(records, "read", read)
    lines: list[str] = []
    here = Worker(report=lines.append, jobs=ONE)
    for _ in range(3):
        here.run_due()

    assert ran == ["expire_holds"]
    assert ["password refused" in line for line in lines] == [True, False, False]
    assert "teller_of_ana" not in lines[0]
    assert lines[1:] == ["expire_holds: done.", "The database is back."]


def test_a_run_of_what_is_due_says_in_our_words_why_it_could_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read() -> NoReturn:
        raise OperationalError(PASSWORD_REFUSED) from psycopg.OperationalError(PASSWORD_REFUSED)

    monkeypatch.setattr(records, "read", read)
    monkeypatch.setattr(work, "STOP_SIGNALS", ())  # those of the tests stay as they are
    with pytest.raises(CommandError, match="password refused") as refusal:
        call_command("work", once=True, stderr=StringIO())
    assert "teller_of_ana" not in str(refusal.value)


def test_the_worker_complains_of_a_zone_that_postgres_reads_in_another_way(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TIME_ZONE = "CET"
    monkeypatch.setattr(work, "STOP_SIGNALS", ())
    monkeypatch.setattr(work, "JOBS", ())
    said = StringIO()
    call_command("work", once=True, stderr=said)
    assert "CET" in said.getvalue()


@pytest.mark.parametrize("is_owner", [True, False])
def test_the_worker_warns_of_a_login_that_may_do_everything(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *,
    is_owner: bool,
) -> None:  # fmt: skip
    settings.LOG_FORMAT = "json"
    monkeypatch.setattr(work, "STOP_SIGNALS", ())
    monkeypatch.setattr(work, "JOBS", ())
    with nullcontext() if is_owner else as_worker():
        call_command("work", once=True, stderr=StringIO())
    warned = [line for line in caplog.records if line.levelname == "WARNING"]
    assert ["owns the tables" in line.getMessage() for line in warned] == [True] * is_owner


def test_a_signal_while_an_error_is_put_into_words_ends_the_command_cleanly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read() -> NoReturn:
        raise OperationalError(PASSWORD_REFUSED)

    monkeypatch.setattr(records, "read", read)
    monkeypatch.setattr(work, "why_no_work", lambda _error: raise_signal(SIGUSR1))
    monkeypatch.setattr(work, "STOP_SIGNALS", (SIGUSR1,))
    try:
        call_command("work", once=True, stderr=StringIO())
    finally:
        signal(SIGUSR1, SIG_DFL)


def test_a_signal_that_was_swallowed_ends_the_next_wait() -> None:
    stop = work.StopSignal()
    with suppress(KeyboardInterrupt):
        stop.note(SIGTERM, None)
    with pytest.raises(KeyboardInterrupt):
        stop.wait(LONG, by=Event().wait)


def test_a_worker_goes_on_to_no_other_round_after_a_swallowed_signal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def swallow() -> None:
        with suppress(KeyboardInterrupt):
            raise_signal(SIGUSR1)

    rounds = iter([swallow])
    usual = signal(SIGUSR1, SIG_DFL)
    monkeypatch.setattr(work, "STOP_SIGNALS", (SIGUSR1,))
    monkeypatch.setattr(worker, "POLL_SECONDS", 0)
    monkeypatch.setattr(Worker, "_run_due", lambda _self: next(rounds)())
    try:
        call_command("work", stderr=StringIO())  # a second round raises StopIteration
    finally:
        signal(SIGUSR1, usual)


def test_a_claim_is_renewed_while_its_job_runs(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "RENEW_SECONDS", 0.001)

    def outlast_the_claim(_name: str) -> None:
        long_ago = records.clock() - timedelta(days=1)
        JobRecord.objects.update(claim_ends=long_ago)
        while JobRecord.objects.get().claim_ends == long_ago:
            pass

    ran.ends = outlast_the_claim
    Worker(report=lambda _line: None, jobs=ONE).run_due()

    assert ran == ["expire_holds"]


@NEEDS_PGBOUNCER
def test_two_workers_share_the_work_behind_a_pooler() -> None:
    """In transaction mode each transaction may have another session."""
    lines: list[str] = []
    with pgbouncer(size=4) as pooler, connected(pooler.settings()):
        for _ in range(2):
            here = Worker(report=lines.append, out=StringIO(), err=StringIO())
            assert here.run_once()
            assert not records.renew(name="expire_holds", worker=here.name)  # given back
        connection.close()
    assert lines == [f"{name}: done." for name in NAMES]
