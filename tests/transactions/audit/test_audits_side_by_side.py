"""Several audits may stand at once: none that is broken hides behind another, or behind a clock."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from ledger.db.ids import uuid7
from ledger.jobs import records
from tests.factories import AccountFactory
from tests.pages import lacks, text_of, texts_of
from tests.refusals import refused_by
from tests.transactions.audit.sealed_books import as_owner
from transactions import services
from transactions.audit.deploy_checks import check_audit
from transactions.audit.open_findings import counting_run, open_runs
from transactions.audit.runs import run_audit
from transactions.models import AuditRun

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:transactions_auditrun_changelist")
A_DAY = timedelta(days=1)


def found(check: str, broken: int | None = 5) -> dict[str, Any]:
    """A finding that only a whole audit, or one as wide as this, looks at again."""
    return {
        "check": check, "account": None, "transaction": str(uuid7()), "broken": broken,
        "seal": None, "expected": "", "found": "", "sentence": f"The {check} is broken.",
    }  # fmt: skip


def kept(*checks: str, days: int | None = None, **times: datetime) -> AuditRun:
    """A run of all, or of the last `days`, that found something of these checks."""
    now = timezone.now()
    return AuditRun.objects.create(
        **{"started_at": now, "finished_at": now, **times},
        since=None if days is None else now - days * A_DAY,
        accounts=1, transactions=1, findings=[found(check) for check in checks],
    )  # fmt: skip


def test_check_tells_what_an_audit_found_until_a_later_one_covers_it() -> None:
    kept()
    assert check_audit() == []
    broken = kept("rule")
    records.note_failed(name="audit_ledger", error="AuditRunning")  # the next try ended otherwise
    kept(days=1)
    (told,) = check_audit()
    assert told.id == "ledger.audit_found"
    assert f"{broken.started_at:%Y-%m-%d %H:%M}" in told.msg
    assert "#ledgerauditfound" in str(told.hint)
    kept()
    assert check_audit() == []


def test_what_a_later_short_audit_finds_is_shown_beside_an_older_whole_one(staff: Client) -> None:
    whole = kept("rule")
    short = kept("chain", "currency", days=30)
    kept(days=1)
    assert open_runs() == [whole, short]
    page = staff.get(PAGE)
    assert "1 problem" in texts_of(page, "audit__result--broken")[0]
    (other, things) = page.context["other_open_runs"][0]
    assert (other, len(things)) == (short, 2)
    later = texts_of(page, "audit__later")[0]
    assert not lacks(later, "bookings since", "2 problems", *things)


def test_a_short_audit_does_not_hide_an_older_longer_one() -> None:
    longer = kept("chain", days=30)
    shorter = kept("rule", days=1)
    assert open_runs() == [longer, shorter]
    assert counting_run() == longer


def test_each_of_those_that_stand_leads_to_the_others(staff: Client) -> None:
    whole, short = kept("rule"), kept("chain", days=30)
    clean = kept(days=1)
    page = staff.get(PAGE, {"run": str(short.pk)})
    said = text_of(page)
    assert texts_of(page, "audit__apart") == []
    assert "Also open The audit of" in said
    assert f'href="?run={whole.pk}"' in staff.get(PAGE, {"run": str(short.pk)}).content.decode()
    (apart,) = texts_of(staff.get(PAGE, {"run": str(clean.pk)}), "audit__apart")
    assert "This is not the current result" in apart


def test_any_number_of_later_audits_hides_none(django_assert_max_num_queries: Any) -> None:
    first = kept("chain", days=30)
    for _ in range(60):
        kept("held", days=1)
    kept(days=1)
    with django_assert_max_num_queries(3):
        assert open_runs() == [first]


def test_a_later_audit_as_wide_takes_the_place_of_one_before_it() -> None:
    """What is wrong still, it has found again."""
    kept("chain", days=30)
    wider = kept("chain", "rule", days=31)
    assert open_runs() == [wider]
    whole = kept("chain")
    assert open_runs() == [whole]


def test_an_earlier_clean_audit_ends_nothing() -> None:
    kept()
    broken = kept("rule", days=7)
    assert open_runs() == [broken]


@pytest.mark.parametrize(
    "times",
    [
        {"started_at": 1000 * 365 * A_DAY, "finished_at": 1000 * 365 * A_DAY},
        {"finished_at": timedelta(minutes=6)},
        {"started_at": timedelta(minutes=6), "finished_at": timedelta(minutes=7)},
        {"started_at": -A_DAY, "finished_at": -timedelta(minutes=6)},
    ],
    ids=["a thousand years ahead", "ends ahead", "begins ahead", "of long ago"],
)
def test_no_audit_is_kept_under_another_time(times: dict[str, timedelta]) -> None:
    moments: dict[str, Any] = {name: timezone.now() + after for name, after in times.items()}
    with pytest.raises(IntegrityError, match="stored when it ends"), db_transaction.atomic():
        kept(**moments)
    assert not AuditRun.objects.exists()


def test_a_clock_that_is_ahead_puts_no_audit_before_those_to_come() -> None:
    ahead = timezone.now() + timedelta(minutes=4)
    kept(started_at=ahead, finished_at=ahead)
    broken = kept("rule")
    assert counting_run() == broken
    assert AuditRun.objects.first() == broken


def test_the_web_role_cannot_hide_an_audit_to_come() -> None:
    account = AccountFactory(balance="100")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE ledger_web")
        forged = "clock_timestamp() + interval '1000 years'"
        with pytest.raises(IntegrityError), db_transaction.atomic():
            cursor.execute(
                "INSERT INTO audit_runs (id, started_at, finished_at, accounts, transactions,"
                f" findings) VALUES (%s, {forged}, {forged}, 1, 1, '[]')",
                [uuid7()],
            )
        cursor.execute("RESET ROLE")
    as_owner("UPDATE accounts SET balance = 1 WHERE id = %s", account.pk, table="accounts")
    broken, _ = run_audit()
    assert counting_run() == broken
    assert not broken.is_clean


def test_an_audit_bears_the_times_of_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server whose clock is behind would put its run before those it came after."""
    account = AccountFactory()
    services.deposit(to_account=account, amount=10)  # type: ignore[arg-type]
    before = kept("rule")
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() - timedelta(hours=1))
    run, _ = run_audit()
    assert before.started_at < run.started_at <= run.finished_at
    assert counting_run() == run


@pytest.mark.parametrize(
    "columns",
    [
        {"since": "'-infinity'"},
        {"since": "'infinity'"},
        {"started_at": "'-infinity'"},
        {"findings": "'{}'"},
    ],
)
def test_no_audit_is_kept_that_its_page_could_not_show(columns: dict[str, str]) -> None:
    row = {
        "id": f"'{uuid7()}'", "started_at": "now()", "finished_at": "now()", "since": "NULL",
        "accounts": "0", "transactions": "0", "findings": "'[]'", **columns,
    }  # fmt: skip
    insert = f"INSERT INTO audit_runs ({', '.join(row)}) VALUES ({', '.join(row.values())})"
    assert refused_by(insert) == "audit_run_readable"


def test_a_capture_by_a_row_that_is_older_than_its_hold_is_open_until_a_whole_audit() -> None:
    mine, other = AccountFactory(balance=100), AccountFactory()
    older = services.transfer(from_account=mine, to_account=other, amount=Decimal(10))
    hold = services.hold(from_account=mine, to_account=other, amount=Decimal(10))
    as_owner("UPDATE transactions SET captures_id = %s WHERE id = %s", hold.pk, older.pk)
    run, found = run_audit()
    assert "capture" in {finding.check for finding in found.findings}
    run_audit(since=hold.created_at)
    assert counting_run() == run
