"""What `/metrics` asks the database: it is true, it is quick, and it does without."""

import threading
import time
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from ledger.db.commits import synchronous
from ledger.db.models import JobRecord
from ledger.db.outages.probe import short_connection
from ledger.metrics.shared import FOLDER
from ledger.monitoring import confirming, first_seen, page, server
from ledger.monitoring.polling import SECONDS, Poller
from tests.factories import AccountFactory, hold_that_ended
from tests.metrics import TOKEN, Figures, figure, figures_in, scrape
from tests.pooler import beside
from transactions import services
from transactions.audit import sealing
from transactions.audit.runs import run_audit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def asking(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token, and questions of its own: none waits for those of an earlier test."""
    settings.LEDGER_METRICS_TOKEN = [TOKEN]
    monkeypatch.setattr(page, "_poller", Poller(page.QUESTIONS))


def scraped() -> Figures:
    answer = scrape(Client())
    assert answer.status_code == 200
    return figures_in(answer.content.decode())


def test_a_bank_that_has_done_nothing_says_so() -> None:
    found = scraped()
    for name in ("ledger_holds_open", "ledger_holds_overdue", "ledger_holds_overdue_seconds",
                 "ledger_seal_number", "ledger_seal_last_timestamp_seconds"):  # fmt: skip
        assert figure(found, name) == 0
    assert figure(found, "ledger_audit_last_timestamp_seconds", scope="all") == 0


def test_open_and_overdue_holds_are_counted() -> None:
    account = AccountFactory(balance="100")
    services.hold(from_account=account, amount=Decimal(1))
    services.hold(
        from_account=account, amount=Decimal(1), expires_at=timezone.now() + timedelta(days=1)
    )
    services.void(hold=services.hold(from_account=account, amount=Decimal(1)))
    past = timezone.now() - timedelta(hours=1)
    hold_that_ended(account, Decimal(1), expires_at=past)
    found = scraped()
    assert figure(found, "ledger_holds_open") == 3
    assert figure(found, "ledger_holds_overdue") == 1
    assert 3600 <= (figure(found, "ledger_holds_overdue_seconds") or 0) < 3700


def test_the_last_audit_of_each_scope_is_told() -> None:
    account = AccountFactory(balance="100")
    run_audit()
    connection.cursor().execute("ALTER TABLE accounts DISABLE TRIGGER USER")
    connection.cursor().execute(
        "UPDATE accounts SET balance = balance + 1 WHERE id = %s", [account.pk]
    )
    connection.cursor().execute("ALTER TABLE accounts ENABLE TRIGGER USER")
    run_audit(since=timezone.now())
    found = scraped()
    assert figure(found, "ledger_audit_last_findings", scope="all") == 0
    assert (figure(found, "ledger_audit_last_findings", scope="part") or 0) >= 1
    ended = [
        figure(found, "ledger_audit_last_timestamp_seconds", scope=scope) or 0
        for scope in ("all", "part")
    ]
    assert time.time() - 60 < ended[0] <= ended[1] <= time.time() + 60


def test_the_last_seal_is_told() -> None:
    AccountFactory(balance="100")
    seal = sealing.seal()
    assert seal is not None
    found = scraped()
    assert figure(found, "ledger_seal_number") == 1
    assert figure(found, "ledger_seal_until_timestamp_seconds") == seal.ends_at.timestamp()
    last = figure(found, "ledger_seal_last_timestamp_seconds") or 0
    assert abs(last - seal.sealed_at.timestamp()) < 0.01


def test_each_scheduled_job_is_told_also_one_that_never_ran() -> None:
    began = time.time()
    call_command("expire_holds", stdout=StringIO())
    with pytest.raises(CommandError):
        call_command("audit_ledger", since="nonsense", stdout=StringIO())
    JobRecord.objects.update_or_create(name="audit_ledger", defaults={"failed_at": timezone.now()})
    found = scraped()

    def told(what: str, job: str) -> float:
        return figure(found, f"ledger_job_{what}", command=job) or 0

    assert began - 60 < told("last_done_timestamp_seconds", "expire_holds") < time.time() + 60
    assert told("late", "expire_holds") == 0
    assert told("last_failed_timestamp_seconds", "audit_ledger") > began - 60
    JobRecord.objects.filter(name="expire_holds").update(done_at=timezone.now() + timedelta(days=1))
    found = scraped()
    for job in ("audit_ledger", "backup", "expire_holds"):
        assert told("last_done_timestamp_seconds", job) == 0
        assert told("late", job) == 1


def test_connections_and_waiting_locks_are_told() -> None:
    with beside() as other, beside() as third:
        other.execute("SELECT pg_advisory_lock(8441)")
        waiting = threading.Thread(target=third.execute, args=["SELECT pg_advisory_lock(8441)"])
        waiting.start()
        try:
            until(lambda: (figure(scraped(), "ledger_db_waiting_locks") or 0) >= 1)
        finally:
            other.execute("SELECT pg_advisory_unlock(8441)")
            waiting.join()
        found = scraped()
    assert (figure(found, "ledger_db_connections") or 0) >= 3
    with beside() as asked:
        row = asked.execute("SHOW max_connections").fetchone()
    assert figure(found, "ledger_db_connections_max") == int(row[0] if row else 0)
    assert figure(found, "ledger_db_writable") == 1


def until(is_so: Any) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline


def test_deadlocks_are_those_that_the_server_ended() -> None:
    before = figure(scraped(), "ledger_db_deadlocks_total") or 0
    with beside() as one, beside() as two:
        one.execute("SELECT pg_advisory_lock(1)")
        two.execute("SELECT pg_advisory_lock(2)")
        failed: list[Exception] = []

        def lock(session: psycopg.Connection[Any], number: int) -> None:
            try:
                session.execute("SELECT pg_advisory_lock(%s)", [number])
            except psycopg.errors.DeadlockDetected as error:
                failed.append(error)
                session.close()

        other = threading.Thread(target=lock, args=[one, 2])
        other.start()
        lock(two, 1)
        other.join()
    assert len(failed) == 1
    until(lambda: figure(scraped(), "ledger_db_deadlocks_total") == before + 1)


def test_a_transaction_that_has_written_is_seen_whoever_runs_it() -> None:
    with beside() as other, other.transaction(), short_connection(2) as found:
        (ours,) = other.execute("SELECT pg_current_xact_id()::xid::text").fetchone() or ("",)
        seen = server.figures(found)
        assert int(seen.oldest or 0) <= int(ours)


@pytest.mark.parametrize("is_shared", [True, False])
def test_it_is_as_old_as_it_was_first_seen(
    is_shared: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_seen, "_seen", {})
    if is_shared:
        monkeypatch.setenv(FOLDER, str(tmp_path))
    with short_connection(2) as found:
        now = server.figures(found)._replace(longest_seconds=None)  # of sessions that report none

    def age(oldest: str | None, at: float) -> float:
        (age,) = [
            family.samples[0].value
            for family in server.families(now._replace(oldest=oldest, now=at))
            if family.name == "ledger_db_oldest_transaction_seconds"
        ]
        return age

    assert [age("7", 1000), age("7", 1300), age("7", 1301)] == [0, 300, 301]
    assert [age("8", 1302), age("8", 1303)] == [0, 1], "another one is the oldest now"
    assert [age(None, 1400), age(None, 1500)] == [0, 0], "nobody writes"
    assert age("8", 1600) == 0


def test_commits_without_a_synchronous_standby_wait_for_nobody() -> None:
    found = scraped()
    for name in ("ledger_db_synchronous_standbys_needed", "ledger_db_synchronous_standbys",
                 "ledger_db_commit_wait_seconds"):  # fmt: skip
        assert figure(found, name) == 0


def test_a_commit_has_waited_since_it_was_first_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_seen, "_seen", {})

    def told(waiting: str | None, at: float) -> list[float]:
        found = synchronous.Confirmation(2, 1, waiting, at)
        return [family.samples[0].value for family in confirming.families(found)]

    assert [told("7", 1000), told("7", 1040)] == [[2, 1, 0], [2, 1, 40]]
    assert [told("8", 1050), told(None, 1060)] == [[2, 1, 0], [2, 1, 0]]


def test_a_session_that_only_reads_is_as_old_as_the_server_says() -> None:
    with beside() as other, other.transaction():
        other.execute("SELECT 1")
        assert (figure(scraped(), "ledger_db_oldest_transaction_seconds") or 0) > 0


def test_it_answers_without_the_database() -> None:
    refusal = OperationalError("connection to server at 10.1.2.3 failed")
    with patch.object(connection, "get_connection_params", side_effect=refusal):
        found = scraped()
    assert figure(found, "ledger_db_up") == 0
    for name in page.QUESTIONS:
        assert figure(found, "ledger_figures_read", figures=name) == 0
    assert figure(found, "ledger_holds_open") is None
    assert figure(found, "ledger_payments_total", kind="transfer", outcome="booked") is not None


def test_it_does_not_wait_for_a_database_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, asked = threading.Event(), list[str]()

    def hang(found: psycopg.Connection[Any]) -> Any:
        asked.append("server")
        answers.wait(60)
        return server.figures(found)

    monkeypatch.setitem(page.QUESTIONS, "server", hang)
    began = time.monotonic()
    assert figure(scraped(), "ledger_db_up") == 0
    assert figure(scraped(), "ledger_figures_seconds") == SECONDS
    assert time.monotonic() - began < 20 * SECONDS
    assert asked == ["server"], "the second request waits for the same answer"
    answers.set()
    until(lambda: figure(scraped(), "ledger_db_up") == 1)


def test_figures_that_fail_leave_the_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(page.QUESTIONS, "holds", lambda found: found.execute("SELECT 1/0"))
    found = scraped()
    assert figure(found, "ledger_db_up") == 1
    assert figure(found, "ledger_figures_read", figures="holds") == 0
    assert figure(found, "ledger_figures_read", figures="seal") == 1
    assert figure(found, "ledger_seal_number") == 0


def test_it_takes_few_statements_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    execute = psycopg.Cursor.execute

    def noted(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        sent.append(str(query).split()[0])
        return execute(self, query, *rest, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", noted)
    scraped()
    # With the two that the time limit and the reading alone take.
    assert len(sent) <= 12  # two of them for row-level security
    assert set(sent) <= {"SELECT", "SET", "WITH"}


def test_nothing_of_it_can_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        page.QUESTIONS, "holds", lambda found: found.execute("DELETE FROM audit_runs")
    )
    assert figure(scraped(), "ledger_figures_read", figures="holds") == 0
