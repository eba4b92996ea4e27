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

from accounts.models import TIMES_OF_PEOPLE
from tests.attacks.registered_rows import rows_of_every_register
from tests.factories import AccountFactory
from tests.transactions.audit.breaking import falsify_rules, lose_not_null
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions import services
from transactions.audit.audit import CHECKS, Finding, audit
from transactions.audit.checks.register import REGISTERED
from transactions.audit.findings import LONGEST
from transactions.audit.open_findings import counting_run
from transactions.audit.runs import run_audit
from transactions.audit.sealing import seal
from transactions.models import AuditRun

pytestmark = pytest.mark.django_db

UNREADABLE_JSON = [
    pytest.param("[" * 1500 + "]" * 1500, id="deep"),
    pytest.param("9" * 5000, id="long"),
]
UNREADABLE = "unreadable"  # the finding about a value that a check cannot read
REMOVAL = (
    "INSERT INTO row_removals (id, table_name, removed_before, row_ids, reason, removed_at)"
    " VALUES (gen_random_uuid(), 'reads', {}, 'x', {})"
)


@pytest.mark.parametrize(
    ("table", "change", "check"),
    [
        ("sealed_days", "UPDATE sealed_days SET day = '9999-12-31' WHERE seal_id = 2", UNREADABLE),
        ("sealed_days", "UPDATE sealed_days SET day = 'infinity' WHERE seal_id = 2", "seal"),
        ("seals", "UPDATE seals SET ends_at = 'infinity' WHERE number = 2", "seal"),
        ("changes", "UPDATE changes SET after = '[]'", UNREADABLE),
        ("row_removals", REMOVAL.format("'infinity', '{}'", "now()"), "unregistered row"),
    ],
)
def test_the_other_checks_find_what_they_find(table: str, change: str, check: str) -> None:
    march()
    seal(until=day(3))
    seal(until=day(5))
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    as_owner(change, table=table)
    run, found = run_audit()
    checks = {finding.check for finding in found.findings}
    assert {"balance", check} <= checks
    assert (UNREADABLE in checks) == (check == UNREADABLE)
    assert counting_run() == run
    run_audit(since=timezone.now() - timedelta(seconds=1))
    still = counting_run()
    assert still is not None
    assert not still.is_clean


def test_a_time_without_end_of_an_account_hides_no_balance() -> None:
    account = AccountFactory(balance=10)
    as_owner(
        "UPDATE accounts SET balance = 5000, held = 1, created_at = 'infinity'", table="accounts"
    )
    found = {finding.check: finding for finding in audit().findings}
    assert {found[check].account for check in ("balance", "held", "rule")} == {str(account.pk)}
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


@pytest.mark.parametrize("moment", ["infinity", "20000-01-01"])
def test_a_late_time_of_an_audit_ends_no_page(staff: Client, moment: str) -> None:
    """Its CHECKs allow such times, but no trigger does."""
    as_owner(
        "INSERT INTO audit_runs (id, started_at, finished_at, accounts, transactions, findings)"
        " VALUES (gen_random_uuid(), %s, %s, 0, 0, '[]')", moment, moment, table="audit_runs",
    )  # fmt: skip
    run, _ = run_audit()
    assert [finding["check"] for finding in run.found] == ["unregistered row"]
    assert staff.get(reverse("admin:transactions_auditrun_changelist")).status_code == 200
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


def test_an_audit_without_a_start_ends_no_page(staff: Client) -> None:
    """The owner of the tables may have dropped the NOT NULL."""
    run_audit()
    as_owner("ALTER TABLE audit_runs ALTER started_at DROP NOT NULL", table="audit_runs")
    as_owner("UPDATE audit_runs SET started_at = NULL", table="audit_runs")
    run, _ = run_audit()
    assert [finding["check"] for finding in run.found] == ["altered row", "missing value"]
    assert counting_run() == run
    assert staff.get(reverse("admin:transactions_auditrun_changelist")).status_code == 200
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


@pytest.mark.parametrize(
    ("table", "columns", "finding"),
    [
        ("seals", ["number", "version", "row_count", "sealed_at"], "seal"),
        ("sealed_days", ["day", "seal_id", "row_count"], "seal"),
        ("transactions", ["amount"], "chain"),
        ("currencies", ["minor_units"], "rule"),
        ("audit_runs", ["id"], "unregistered row"),
        ("transactions", ["created_at", "status", "type"], "seal"),
        ("users", ["name", "email", "created_at"], "person"),
    ],
)
def test_a_missing_value_ends_no_page_and_no_check(
    staff: Client, table: str, columns: list[str], finding: str
) -> None:
    """The owner of the tables may have dropped the NOT NULL; of the clerk, staff could not sign in,
    and the audit is of another person.
    """
    account, _ = march()
    seal(until=day(3), sealed_by=account.user)
    seal(until=day(5), sealed_by=account.user)
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    run_audit(run_by=account.user)
    for column in columns:
        lose_not_null(table, column)
        of = "id = %s" if table == "users" else "%s IS NOT NULL"
        as_owner(f"UPDATE {table} SET {column} = NULL WHERE {of}", account.user_id, table=table)
    run, _ = run_audit(run_by=account.user)
    checks = {finding["check"] for finding in run.found}
    assert {"missing value", "balance", finding} <= checks
    assert UNREADABLE not in checks
    page = staff.get(reverse("admin:transactions_auditrun_changelist"))
    assert len(page.context["findings"]) == len(run.findings)
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


def test_a_time_without_end_of_a_person_ends_no_page(staff: Client) -> None:
    """Of the holder of an account in a finding, of who ran the audit, and of who sealed."""
    account, _ = march()
    seal(until=day(3), sealed_by=account.user)
    falsify_rules("users")
    as_owner("UPDATE accounts SET balance = balance + 1", table="accounts")
    run, _ = run_audit(run_by=account.user)
    for column in TIMES_OF_PEOPLE:
        as_owner(
            f"UPDATE users SET {column} = 'infinity' WHERE id = %s", account.user_id, table="users"
        )
    page = staff.get(reverse("admin:transactions_auditrun_changelist"), {"run": str(run.pk)})
    assert {shown.account for shown in page.context["findings"]} == {account, None}
    assert staff.get(reverse("admin:index")).status_code == 200
    assert staff.get("/api/v1/audit/").status_code == 200


@pytest.mark.parametrize("forged", UNREADABLE_JSON)
def test_metadata_that_python_cannot_read_end_no_page(staff: Client, forged: str) -> None:
    _, rows = march()
    as_owner(
        "UPDATE transactions SET amount = 7, metadata = jsonb_build_object('a', %s::jsonb)"
        " WHERE id = %s", forged, rows[0].pk,
    )  # fmt: skip
    run_audit()
    page = staff.get(reverse("admin:transactions_auditrun_changelist"))
    assert rows[0] in {shown.transaction for shown in page.context["findings"]}


@pytest.mark.parametrize("forged", UNREADABLE_JSON)
@pytest.mark.parametrize(
    ("check", "change"),
    [("orphan", "from_account_id = gen_random_uuid()"), ("release", "status = 'voided'")],
)
def test_metadata_that_python_cannot_read_hide_no_row(check: str, change: str, forged: str) -> None:
    hold = services.hold(from_account=AccountFactory(balance="9"), amount=Decimal(5))
    falsify_rules()
    as_owner(
        f"UPDATE transactions SET {change}, metadata = jsonb_build_object('a', %s::jsonb)"
        " WHERE id = %s", forged, hold.pk,
    )  # fmt: skip
    findings = {finding.check: finding for finding in audit().findings}
    assert findings[check].transaction == str(hold.pk)
    assert "unreadable" not in findings


def test_an_amount_that_is_no_number_ends_no_page(staff: Client) -> None:
    _, rows = march()
    falsify_rules()
    as_owner("UPDATE transactions SET amount = 'NaN' WHERE id = %s", rows[0].pk)
    run_audit()
    page = staff.get(reverse("admin:transactions_auditrun_changelist"))
    assert rows[0] in {shown.transaction for shown in page.context["findings"]}


@pytest.mark.parametrize(
    "forged",
    [
        "[]", "5", '{"USD": 5}', '{"USD": {"deposit": "x"}}', '{"USD": {"deposit": "1e999999999"}}',
        '{"USD": {"deposit": []}}', '{"x": {"y": "NaN"}}', *UNREADABLE_JSON,
    ],
)  # fmt: skip
def test_forged_sums_of_a_seal_end_no_page(staff: Client, forged: str) -> None:
    """The role of the worker may insert a seal."""
    march()
    seal(until=day(3))
    as_owner("UPDATE seals SET sums = %s::jsonb", forged, table="seals")
    run, _ = run_audit()
    assert [finding["check"] for finding in run.found] == ["seal"]
    page = staff.get(reverse("admin:transactions_auditrun_changelist"))
    assert [seal.number for seal, *_ in page.context["seals"]] == [1]
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


def test_a_long_value_of_the_history_makes_no_long_finding() -> None:
    """The table takes a value that is too long to be stored again with the result."""
    AccountFactory()
    as_owner(
        "UPDATE changes SET after = after || jsonb_build_object('name', repeat('x', 50000))"
        " WHERE table_name = 'accounts'", table="changes",
    )  # fmt: skip
    run, _ = run_audit()
    assert {"account", "altered row"} <= {finding["check"] for finding in run.found}
    texts = ("expected", "found", "sentence")
    longest = max(len(finding[text]) for finding in run.found for text in texts)
    assert longest <= LONGEST


def test_control_characters_of_a_name_do_nothing_in_a_terminal() -> None:
    """They could clear it and print that the books are clean."""
    AccountFactory()
    forged = "\x1b[2J\x9b2J\rThe books are clean.\n\u2028\N{RIGHT-TO-LEFT OVERRIDE}"
    as_owner("UPDATE users SET name = %s", forged, table="users")
    printed = StringIO()
    with pytest.raises(SystemExit):
        call_command("audit_ledger", stderr=printed)
    _heading, line = printed.getvalue().splitlines()
    assert "[U+001B][2J[U+009B]2J[U+000D]The books are clean.[U+000A][U+2028][U+202E]" in line
    assert line.isprintable()


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


def test_a_late_entry_of_the_register_hides_no_altered_row() -> None:
    """The owner inserts it with all triggers on."""
    rows_of_every_register()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO row_register VALUES ('reads', 'x', 'infinity')")
    as_owner("UPDATE row_register SET digest = ''", table="row_register")
    checks = {finding.check: finding for finding in audit().findings}
    assert [table for table in REGISTERED if f"{table}: " not in checks["altered row"].found] == []
    assert checks["missing row"].expected == "reads: x"
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


def test_a_seal_with_a_time_without_end_is_verified() -> None:
    march()
    first = seal(until=day(3))
    assert first is not None
    second = seal(until=day(5))
    assert second is not None
    as_owner("UPDATE seals SET ends_at = 'infinity' WHERE number = 2", table="seals")
    printed = StringIO()
    call_command("seal_ledger", "--verify", first.hex_digest, stdout=printed)
    assert "matches" in printed.getvalue()
    with pytest.raises(SystemExit):
        call_command("seal_ledger", "--verify", second.hex_digest, stderr=printed)
    assert "Seal 2" in printed.getvalue()
