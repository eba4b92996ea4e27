"""A value that no service writes ends one check, not the audit, and is a finding."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from tests.factories import AccountFactory
from tests.transactions.audit.breaking import falsify_rules
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions.audit.audit import CHECKS, Finding, audit
from transactions.audit.checks.register import REGISTERED
from transactions.audit.open_findings import counting_run
from transactions.audit.runs import run_audit
from transactions.audit.sealing import seal
from transactions.models import AuditRun

pytestmark = pytest.mark.django_db

REMOVAL = (
    "INSERT INTO row_removals (id, table_name, removed_before, row_ids, reason, removed_at)"
    " VALUES (gen_random_uuid(), 'reads', {}, 'x', {})"
)


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("sealed_days", "UPDATE sealed_days SET day = '9999-12-31' WHERE seal_id = 2"),
        ("sealed_days", "UPDATE sealed_days SET day = 'infinity' WHERE seal_id = 2"),
        ("seals", "UPDATE seals SET ends_at = 'infinity' WHERE number = 2"),
        ("changes", "UPDATE changes SET after = '[]'"),
        ("row_removals", REMOVAL.format("'infinity', '{}'", "now()")),
    ],
)
def test_the_other_checks_find_what_they_find(table: str, change: str) -> None:
    march()
    seal(until=day(3))
    seal(until=day(5))
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    as_owner(change, table=table)
    run, found = run_audit()
    checks = {finding.check for finding in found.findings}
    assert {"balance", "unreadable"} <= checks
    assert counting_run() == run
    run_audit(since=timezone.now() - timedelta(seconds=1))
    still = counting_run()
    assert still is not None
    assert not still.is_clean


def test_a_time_without_end_of_an_account_hides_no_balance() -> None:
    account = AccountFactory(balance=10)
    as_owner("UPDATE accounts SET balance = 5000, created_at = 'infinity'", table="accounts")
    found = {finding.check: finding for finding in audit().findings}
    assert found["balance"].account == found["rule"].account == str(account.pk)
    assert Decimal(found["balance"].found) == 5000
    assert "account_times_finite" in found["rule"].found
    assert "unreadable" not in found


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("accounts", "last_entry_at = 'infinity'"),
        ("accounts", "created_at = 'infinity', number = 'x'"),
        ("transactions", "created_at = 'infinity'"),
        ("transactions", "created_at = '-infinity'"),
        ("seals", "ends_at = 'infinity' WHERE number = 2"),
        ("seals", "starts_at = 'infinity' WHERE number = 2"),
        ("seals", "sealed_at = 'infinity' WHERE number = 1"),
    ],
)
def test_a_time_without_end_ends_no_page(staff: Client, table: str, change: str) -> None:
    """The page of the audit says what the audit has found of it."""
    march()
    seal(until=day(3))
    seal(until=day(5))
    falsify_rules(table)
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    as_owner(f"UPDATE {table} SET {change}", table=table)
    run, _ = run_audit()
    assert not run.is_clean
    page = staff.get(reverse("admin:transactions_auditrun_changelist"))
    assert len(page.context["findings"]) == len(run.findings)
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


@pytest.mark.parametrize("code", ["53200", "54000", "54001"])
def test_a_value_that_is_too_large_for_the_server_is_found(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JSON value of 100 MB, which may be stored, does not fit into the text that is digested."""

    def reads(_since: datetime | None) -> Iterator[Finding]:
        with connection.cursor() as cursor:
            cursor.execute(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$")
        yield from ()

    AccountFactory()
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    monkeypatch.setattr("transactions.audit.audit.CHECKS", (reads, *CHECKS))
    assert {"balance", "unreadable"} <= {finding.check for finding in audit().findings}


def test_a_server_that_ends_the_session_ends_the_audit(monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(_since: datetime | None) -> Iterator[Finding]:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE SQLSTATE '57P01'; END $$")
        yield from ()

    monkeypatch.setattr("transactions.audit.audit.CHECKS", (reads,))
    with pytest.raises(OperationalError):
        audit()


def test_a_removal_of_rows_in_a_time_to_come_is_found() -> None:
    """With the triggers on; or by the command of a computer whose clock is ahead."""
    with connection.cursor() as cursor:
        cursor.execute(REMOVAL.format("NULL, '{x}'", "now() + interval '6 minutes'"))
    (found,) = audit().findings
    assert found.check == "early removal"


FINDING = {"check": "time", "account": None, "transaction": None, "expected": "a", "found": "b"}


@pytest.mark.parametrize(
    "forged",
    [
        1, {"check": "balance"}, {**FINDING, "account": 5}, {**FINDING, "transaction": "x"},
        {**FINDING, "check": []}, {**FINDING, "check": ""}, {**FINDING, "seal": "x"},
        {**FINDING, "broken": []}, {**FINDING, "expected": None},
    ],
)  # fmt: skip
def test_a_finding_that_is_none_ends_no_page(staff: Client, forged: Any) -> None:
    """The role of web processes may write runs; such a run is not clean."""
    run = AuditRun.objects.create(
        started_at=timezone.now(), finished_at=timezone.now(), accounts=0, transactions=0,
        findings=[forged, FINDING],
    )  # fmt: skip
    assert run.found == [FINDING]
    assert counting_run() == run
    assert staff.get(reverse("admin:transactions_auditrun_changelist")).status_code == 200
    assert staff.get(reverse("admin:index")).status_code == 200


@pytest.mark.parametrize("forged", ["[" * 1500 + "]" * 1500, '[{"broken": ' + "9" * 5000 + "}]"])
def test_findings_that_python_cannot_read_end_no_page(staff: Client, forged: str) -> None:
    AuditRun.objects.create(
        started_at=timezone.now(), finished_at=timezone.now(), accounts=0, transactions=0
    )
    as_owner("UPDATE audit_runs SET findings = %s::jsonb", forged, table="audit_runs")
    run = counting_run()
    assert run is not None
    assert not run.is_clean
    assert run.found == []
    assert staff.get(reverse("admin:transactions_auditrun_changelist")).status_code == 200
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


def test_a_history_that_is_too_deep_to_be_read_hides_no_balance() -> None:
    AccountFactory()
    deep = '{"name": ' + "[" * 1500 + "]" * 1500 + "}"
    as_owner("UPDATE changes SET after = %s::jsonb", deep, table="changes")
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    assert {"balance", "unreadable"} <= {finding.check for finding in audit().findings}


@pytest.mark.parametrize("table", REGISTERED)
def test_a_forged_entry_of_the_register_hides_no_balance(table: str) -> None:
    """An INSERT needs no trigger to be off."""
    account = AccountFactory()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO row_register (table_name, row_id, registered_at) VALUES (%s, 'x', now())",
            [table],
        )
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    checks = {finding.check: finding for finding in audit().findings}
    assert checks["balance"].account == str(account.pk)
    assert checks["missing row"].expected == f"{table}: x"
    assert "unreadable" not in checks


def test_a_forged_finding_of_a_seal_without_its_number_ends_no_page(staff: Client) -> None:
    AuditRun.objects.create(
        started_at=timezone.now(), finished_at=timezone.now(), accounts=0, transactions=0,
        findings=[{**FINDING, "check": "seal"}],
    )  # fmt: skip
    assert staff.get(reverse("admin:transactions_auditrun_changelist")).status_code == 200


def test_a_forged_id_in_the_history_is_found_as_an_altered_row() -> None:
    AccountFactory()
    as_owner("UPDATE changes SET about = 'x' WHERE table_name = 'accounts'", table="changes")
    checks = {finding.check for finding in audit().findings}
    assert "altered row" in checks
    assert "unreadable" not in checks


def test_a_seal_that_cannot_be_read_is_told_by_a_sentence() -> None:
    march()
    first = seal(until=day(3))
    assert first is not None
    seal(until=day(5))
    as_owner("UPDATE seals SET ends_at = 'infinity' WHERE number = 2", table="seals")
    printed = StringIO()
    with pytest.raises(SystemExit):
        call_command("seal_ledger", "--verify", first.hex_digest, stderr=printed)
    assert "cannot read" in printed.getvalue()
