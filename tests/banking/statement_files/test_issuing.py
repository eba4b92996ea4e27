"""Which statements are issued, what the database refuses, and that nothing changes them."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.test import override_settings

from accounts import services as account_services
from accounts.models import Account
from banking.statement_files import issuing
from banking.statement_files.digest import totals_of_period
from banking.statement_files.issuing import issue_due
from banking.statement_files.models import MonthlyStatement
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, walls_down
from transactions import services
from transactions.audit import sealing
from transactions.models import Entry, Seal
from transactions.services import Draft

pytestmark = pytest.mark.django_db


def months(account: Account) -> list[tuple[int, str]]:
    rows = MonthlyStatement.objects.of(account).order_by("number")
    return [(row.number, f"{row.month:%Y-%m}") for row in rows]


def test_each_sealed_month_has_its_statement_and_balances_follow(
    account: Account, issued: list[MonthlyStatement]
) -> None:
    assert months(account) == [(1, "2026-01"), (2, "2026-02"), (3, "2026-03")]
    before = Decimal(0)
    for statement in issued:
        entries = Entry.objects.for_account(account).between(statement.starts_at, statement.ends_at)
        amounts = list(entries.values_list("signed_amount", flat=True))
        assert statement.opening == before
        assert statement.money_in == sum(amount for amount in amounts if amount > 0)
        assert statement.money_out == -sum(amount for amount in amounts if amount < 0)
        assert statement.closing == before + sum(amounts)
        assert statement.entry_count == len(amounts)
        assert set(statement.names.values()) == {"Mara “Lindt” Ohara"}
        before = statement.closing
    assert before == account.balance


def test_nothing_is_issued_of_a_month_that_is_not_sealed(
    account: Account,
) -> None:
    assert issue_due() == 0
    sealing.seal(until=date(2026, 2, 28))
    issue_due()
    assert months(account) == [(1, "2026-01")]


def test_a_month_without_entries_has_a_statement_too(account: Account) -> None:
    sealing.seal(until=date(2026, 7, 1))
    issue_due()
    assert months(account)[-1] == (6, "2026-06")
    last = MonthlyStatement.objects.of(account).newest_first()[0]
    assert (last.entry_count, last.opening) == (0, last.closing) == (0, account.balance)


def test_a_second_run_issues_nothing(issued: list[MonthlyStatement]) -> None:
    assert issued
    assert issue_due() == 0


def test_the_same_books_give_the_same_statements_whenever_the_job_runs(account: Account) -> None:
    digests: list[list[tuple[int, int]]] = []
    for seals in ([date(2026, 2, 10), date(2026, 3, 10), date(2026, 4, 1)],) * 2:
        point = db_transaction.savepoint()
        for number, day in enumerate(seals):
            sealed = sealing.seal(until=day)
            assert sealed is not None
            if not digests or number == len(seals) - 1:  # the second time all at once
                issue_due()
        rows = MonthlyStatement.objects.of(account).order_by("number")
        digests.append([(row.number, row.seal_id) for row in rows])
        db_transaction.savepoint_rollback(point)
    assert digests[0] == digests[1] == [(1, 1), (2, 2), (3, 3)]


def test_a_closed_account_has_statements_up_to_its_closing() -> None:
    account = AccountFactory()
    moment = datetime(2026, 1, 5, 12, tzinfo=UTC)
    money = Decimal(5)
    services.post_batch(
        [
            Draft(to_account=account, amount=money, created_at=moment),
            Draft(from_account=account, amount=money, created_at=moment + timedelta(days=1)),
        ]
    )
    account_services.close_account(account=account)
    closed_at = datetime(2026, 2, 10, tzinfo=UTC)
    sealing.seal(until=date(2026, 6, 1))
    with walls_down("accounts"):
        Account.objects.filter(pk=account.pk).update(closed_at=closed_at)
    issue_due()
    issue_due()
    assert months(account) == [(1, "2026-01"), (2, "2026-02")]


@override_settings(TIME_ZONE="America/New_York")
def test_months_are_those_of_the_banks_time_zone() -> None:
    account = AccountFactory()
    moment = datetime(2026, 2, 1, 3, tzinfo=UTC)  # 31 January in New York
    services.post_batch([Draft(to_account=account, amount=Decimal(5), created_at=moment)])
    sealing.seal(until=date(2026, 2, 1))
    issue_due()
    assert months(account) == []  # the last hours of January are not sealed
    sealing.seal(until=date(2026, 2, 2))
    issue_due()
    assert months(account) == [(1, "2026-01")]


def test_the_digest_is_what_the_docs_say(account: Account, issued: list[MonthlyStatement]) -> None:
    statement = issued[1]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sha256(convert_to(json_build_array(
                transaction_id, direction, amount, balance, currency, type, description,
                reference, counterparty_id, captures_id, reverses_id,
                to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                to_char(value_date, 'YYYY-MM-DD'))::text, 'UTF8'))
            FROM entries
            WHERE account_id = %(account)s AND status = 'completed'
              AND created_at >= '2026-02-01Z' AND created_at < '2026-03-01Z'
            ORDER BY created_at
            """,
            {"account": account.pk},
        )
        rows = b"".join(bytes(row) for (row,) in cursor.fetchall())
    seal = Seal.objects.get()
    text = json.dumps(
        [
            "ledger statement", 1, account.number, "USD", 2, "2026-02-01T00:00:00.000000Z",
            "2026-03-01T00:00:00.000000Z", f"{statement.opening:.4f}", f"{statement.money_in:.4f}",
            f"{statement.money_out:.4f}", f"{statement.closing:.4f}", statement.entry_count,
            seal.number, seal.hex_digest, hashlib.sha256(rows).hexdigest(),
        ],
        separators=(",", ":"),
    )  # fmt: skip
    assert statement.hex_digest == hashlib.sha256(text.encode()).hexdigest()


def test_a_digest_tells_nothing_of_the_other_side(
    account: Account, issued: list[MonthlyStatement]
) -> None:
    """Who holds a statement of one payment could try balances until the digest is right."""
    statement = issued[0]
    before = totals_of_period(account.pk, statement.starts_at, statement.ends_at)
    with walls_down("transactions") as cursor:
        cursor.execute(
            "UPDATE transactions SET to_balance = 1 WHERE to_account_id <> %s", [account.pk]
        )
    assert totals_of_period(account.pk, statement.starts_at, statement.ends_at) == before


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"number": 5}, "statement_follows"),
        ({"opening": Decimal(1)}, "statement_follows"),
        ({"starts_at": datetime(2026, 4, 2, tzinfo=UTC)}, "statement_follows"),
        ({"month": date(2026, 3, 1)}, "statement_is_of_its_month"),
        ({"month": date(2026, 5, 1)}, "statement_is_of_its_month"),
        ({"month": date(2026, 4, 2)}, "statement_is_of_its_month"),
        ({"ends_at": datetime(2026, 4, 17, tzinfo=UTC)}, "statement_is_of_its_month"),
        ({"ends_at": datetime(2026, 4, 30, 9, 59, tzinfo=UTC)}, "statement_is_of_its_month"),
        ({"ends_at": datetime(2026, 5, 1, 0, 0, 1, tzinfo=UTC)}, "statement_is_sealed"),
        ({"money_in": 9999, "closing": 10_000}, "statement_of_the_books"),
        ({"money_in": 1, "money_out": 1}, "statement_of_the_books"),
        ({"money_out": 1}, "statement_of_the_books"),
        ({"entry_count": 1}, "statement_of_the_books"),
        ({"closing": Decimal(1)}, "statement_of_the_books"),
        ({"digest": b"short"}, "statement_digest_is_sha256"),
    ],
)
def test_the_database_refuses_what_does_not_follow(
    issued: list[MonthlyStatement], changes: dict[str, Any], constraint: str
) -> None:
    sealing.seal(until=date(2026, 5, 1))
    last, seal = issued[-1], Seal.objects.get(number=2)
    facts: dict[str, Any] = {
        "id": uuid7(), "account": last.account, "number": 4, "month": date(2026, 4, 1),
        "starts_at": last.ends_at, "ends_at": datetime(2026, 5, 1, tzinfo=UTC),
        "opening": last.closing, "money_in": 0, "money_out": 0, "closing": last.closing,
        "entry_count": 0, "holder": "Ana", "account_name": "Everyday", "seal": seal,
        "digest": bytes(32),
    }  # fmt: skip
    with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
        MonthlyStatement(**{**facts, **changes}).save(force_insert=True)
    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.Error)
    assert cause.diag.constraint_name == constraint
    MonthlyStatement(**facts).save(force_insert=True)


@pytest.mark.parametrize("sql", ["UPDATE {} SET closing = 0", "DELETE FROM {}", "TRUNCATE {}"])
def test_an_issued_statement_stays(issued: list[MonthlyStatement], sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with (
        pytest.raises(IntegrityError, match="statement"),
        db_transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(sql.format("monthly_statements"))


def test_another_worker_may_issue_at_the_same_moment(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.seal(until=date(2026, 4, 1))
    other: list[MonthlyStatement] = []

    def statements(*arguments: Any) -> list[MonthlyStatement]:
        made = list(real(*arguments))
        if not other:
            other.extend(made)
            assert issue_due() >= 3  # before these are saved
        return made

    real = issuing._statements
    monkeypatch.setattr(issuing, "_statements", statements)
    assert issue_due() == 0
    assert len(months(account)) == 3


def test_an_account_that_fails_keeps_no_other_from_its_statements(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.seal(until=date(2026, 4, 1))
    other = AccountFactory(balance="5")

    def statements(of: Account, *arguments: Any) -> Any:
        return real(of, *arguments) if of == account else 1 / 0

    real = issuing._statements
    monkeypatch.setattr(issuing, "_statements", statements)
    with pytest.raises(ZeroDivisionError):
        issue_due()
    assert len(months(account)) == 3
    assert months(other) == []


def test_the_command_says_how_many(account: Account, capsys: pytest.CaptureFixture[str]) -> None:
    sealing.seal(until=date(2026, 3, 1))
    call_command("issue_statements")
    assert capsys.readouterr().out == "Issued 4 statements.\n"  # Mara's too
