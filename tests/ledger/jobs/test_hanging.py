"""A worker whose server hangs gives it up, and goes on with the next one that answers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError, connection

from ledger.db.backend import limited
from ledger.jobs import records, silence, worker
from ledger.jobs.schedule import ScheduledJob
from ledger.jobs.worker import Worker
from tests.ledger.hanging import standing_still

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="the server may be another computer's"),
]
ONE = (ScheduledJob("expire_holds"),)
TWO = (*ONE, ScheduledJob("erase_people"))
SOON = 1.0  # seconds
TOLD = ("cannot start jobs because of the database", "expire_holds: done.", "The database is back.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, but short ones; statements have none."""
    monkeypatch.setattr(limited, "GRACE", SOON / 5)
    monkeypatch.setattr(silence, "SILENT_SECONDS", SOON)
    monkeypatch.setattr(worker, "RENEW_SECONDS", SOON / 20)
    monkeypatch.setattr(worker, "RENEW_TIMEOUT", SOON / 2)
    monkeypatch.setattr(settings, "LEDGER_JOB_STATEMENT_TIMEOUT", 0)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def ask(sql: str = "SELECT 1") -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def ask_a_hanging_session() -> None:
    ask()
    database: Any = connection
    with standing_still([database.raw.info.backend_pid]):
        ask()


def job_does(monkeypatch: pytest.MonkeyPatch, work: Callable[[str], object]) -> None:
    """Jobs do this in place of their commands, and are recorded."""

    def run(name: str, **_options: object) -> None:
        began_at = records.clock()
        work(name)
        records.note_done(name=name, began_at=began_at)

    monkeypatch.setattr(worker, "call_command", run)


class Once:
    """Does something in the first call only."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work, self.calls = work, 0

    def __call__(self, *_arguments: object) -> None:
        self.calls += 1
        if self.calls == 1:
            self.work()


def renewals_do(monkeypatch: pytest.MonkeyPatch, before: Callable[[], object]) -> None:
    found = records.renew

    def renew(**claim: str) -> bool:
        before()
        return found(**claim)

    monkeypatch.setattr(records, "renew", renew)


def assert_it_gives_up_and_goes_on() -> None:
    lines: list[str] = []
    here = Worker(report=lines.append, jobs=ONE)
    with at_most(SOON * 10):
        here.run_due()
    here.run_due()
    assert len(lines) == len(TOLD)
    assert all(words in line for words, line in zip(TOLD, lines, strict=True))


@pytest.mark.own_session
def test_a_server_that_hangs_in_a_job_and_in_the_renewals_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hang = Once(ask_a_hanging_session)
    job_does(monkeypatch, hang)

    def hang_too() -> None:
        if hang.calls == 1:
            ask_a_hanging_session()

    renewals_do(monkeypatch, hang_too)
    assert_it_gives_up_and_goes_on()


@pytest.mark.own_session
def test_a_session_that_hangs_alone_is_given_up_after_the_time_of_a_statement(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "LEDGER_JOB_STATEMENT_TIMEOUT", SOON)
    job_does(monkeypatch, Once(ask_a_hanging_session))
    assert_it_gives_up_and_goes_on()


@pytest.mark.own_session
def test_a_server_that_hangs_in_a_statement_of_the_worker_itself_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, hang = records.read, Once(ask_a_hanging_session)

    def read() -> dict[str, Any]:
        hang()
        return found()

    monkeypatch.setattr(records, "read", read)
    job_does(monkeypatch, lambda _name: None)
    assert_it_gives_up_and_goes_on()


@pytest.mark.own_session
def test_it_ends_with_what_the_database_says_if_it_works_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(records, "read", ask_a_hanging_session)
    with at_most(SOON * 10), pytest.raises(OperationalError, match="does not answer"):
        Worker(report=lambda _line: None).run_once()


@pytest.mark.parametrize(
    ("error", "is_answer"),
    [
        (psycopg.errors.SqlclientUnableToEstablishSqlconnection, False),  # said by AWS's driver
        (psycopg.errors.ConnectionFailure, False),  # said by a pooler without a server
        (psycopg.OperationalError, False),
        (psycopg.errors.QueryCanceled, True),
        (psycopg.errors.InsufficientPrivilege, True),
    ],
)
def test_what_is_said_for_a_server_that_cannot_be_reached_is_no_answer_to_a_renewal(
    error: type[psycopg.Error], is_answer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise OperationalError from error()

    renewals_do(monkeypatch, fail)
    here = Worker(report=lambda _line: None, jobs=ONE)
    heard = Once(lambda: None)
    monkeypatch.setattr(silence.Silence, "end", heard)
    here._renew(ONE[0])
    assert heard.calls == is_answer


@pytest.mark.own_session
def test_a_renewal_that_hangs_is_given_up_and_the_next_one_renews(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(silence, "SILENT_SECONDS", 60)
    again, renew = threading.Event(), Once(ask_a_hanging_session)

    def before() -> None:
        if renew.calls:
            again.set()
        renew()

    renewals_do(monkeypatch, before)
    job_does(monkeypatch, lambda _name: again.wait(SOON * 10))
    lines: list[str] = []
    Worker(report=lines.append, jobs=ONE).run_due()
    assert again.is_set()
    assert lines == ["expire_holds: done."]


def test_a_long_statement_goes_on_while_renewals_are_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job_does(monkeypatch, lambda _name: ask(f"SELECT pg_sleep({SOON * 2})"))
    lines: list[str] = []
    Worker(report=lines.append, jobs=ONE).run_due()
    assert lines == ["expire_holds: done."]


@pytest.mark.own_session
def test_a_statement_that_a_live_server_stops_is_a_failure_of_its_job_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "LEDGER_JOB_STATEMENT_TIMEOUT", SOON)
    monkeypatch.setattr(limited, "GRACE", 10)
    job_does(monkeypatch, Once(lambda: ask("SELECT pg_sleep(60)")))
    lines: list[str] = []
    Worker(report=lines.append, jobs=TWO).run_due()
    assert lines == ["expire_holds failed. See the log for the reason.", "erase_people: done."]


def test_after_its_work_a_connection_has_no_limits_of_it() -> None:
    Worker(report=lambda _line: None, jobs=()).run_due()
    ask()
    database: Any = connection
    assert database.raw.silence_limit is database.raw.gives_up is None
