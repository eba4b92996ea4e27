"""Each audit leaves a row; one runs at a time, and a page's only for some seconds."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db import transaction as db_transaction

from tests.attacks.waiting import after_waiting_for
from tests.factories import AccountFactory, UserFactory
from tests.refusals import refused_by
from tests.transactions.audit.sealed_books import as_owner
from tests.transactions.posting.shared import at_once
from transactions import services
from transactions.audit import audit as auditing
from transactions.audit.audit import AuditRunning, AuditTooLong, audit
from transactions.audit.runs import run_audit
from transactions.models import AuditRun


@pytest.mark.django_db
def test_a_run_keeps_what_it_read_found_and_who_asked() -> None:
    account, clerk = AccountFactory(balance="5"), UserFactory()
    run_audit(run_by=clerk)
    as_owner("UPDATE accounts SET balance = 6 WHERE id = %s", account.pk, table="accounts")
    run_audit()
    broken, clean = AuditRun.objects.all()
    assert (clean.accounts, clean.transactions, clean.is_clean, clean.run_by) == (1, 1, True, clerk)
    assert (broken.run_by, broken.since) == (None, None)
    assert [finding["check"] for finding in broken.found] == ["balance", "currency"]
    assert broken.found[0]["account"] == str(account.pk)
    assert broken.seconds >= 0


@pytest.mark.django_db
def test_the_command_keeps_its_run_too() -> None:
    call_command("audit_ledger", verbosity=0)
    assert AuditRun.objects.count() == 1


@pytest.mark.django_db
def test_a_run_is_never_rewritten() -> None:
    run_audit()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused_by("UPDATE audit_runs SET findings = '[]'") == "audit_run_stays"
    assert refused_by("DELETE FROM audit_runs") == "audit_run_stays"
    assert refused_by("TRUNCATE audit_runs") == "audit_runs_stay"
    assert refused_by(
        "INSERT INTO audit_runs SELECT gen_random_uuid(), finished_at, started_at "
        "- interval '1 s', since, accounts, transactions, findings, run_by_id FROM audit_runs"
    ) == "audit_run_times_rise"  # fmt: skip


@pytest.mark.django_db
def test_an_audit_that_takes_too_long_is_stopped_and_leaves_no_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def slow(_since: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.3)")
        return iter(())

    monkeypatch.setattr(auditing, "CHECKS", (slow,) * 4)  # each in time, together not
    with pytest.raises(AuditTooLong, match=r"run manage\.py audit_ledger"):
        run_audit(seconds=0.5)
    assert not AuditRun.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        assert cursor.fetchone() == ("0",)


def other_audit() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [auditing.AUDITING])


@pytest.mark.django_db(transaction=True)
def test_the_audit_of_the_night_waits_for_one_of_a_page() -> None:
    after_waiting_for(other_audit, lambda: call_command("audit_ledger"))
    assert AuditRun.objects.get().is_clean


@pytest.mark.django_db(transaction=True)
def test_the_audit_of_a_page_waits_for_no_other() -> None:
    with db_transaction.atomic():
        other_audit()
        with ThreadPoolExecutor(1) as pool, pytest.raises(AuditRunning):
            pool.submit(in_own_session, lambda: run_audit(seconds=20)).result(timeout=60)


def in_own_session(work: Callable[[], object]) -> None:
    try:
        work()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_audits_never_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "LONGEST_WAIT", "10ms")
    services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    begun, refused = Event(), Event()

    def first() -> bool:
        def tell(_check: str) -> None:
            begun.set()
            assert refused.wait(30)

        return audit(on_check=tell).clean

    def second() -> None:
        assert begun.wait(30)
        with pytest.raises(AuditRunning):
            run_audit()
        with pytest.raises(CommandError):
            call_command("audit_ledger")
        refused.set()

    assert at_once(first, second)[0] is True
    assert not AuditRun.objects.exists()
    assert audit().clean
