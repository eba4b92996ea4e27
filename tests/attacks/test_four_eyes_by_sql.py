"""The rules about approval, tested with raw SQL and the rights of a web process."""

from decimal import Decimal
from typing import Any, cast

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, connection

from accounts.groups import OPERATIONS
from accounts.models import Account, User
from tests.attacks.approvals import as_web, asked, change_limits, deposit, raw
from tests.conftest import colleague
from tests.factories import balances

pytestmark = pytest.mark.django_db(transaction=True)
DENIED = "42501"


@pytest.mark.parametrize("sql", [
    "UPDATE staff_sums SET share = 0", "DELETE FROM staff_sums",
    "INSERT INTO staff_sums VALUES ('x', 0)", "TRUNCATE staff_sums",
    "UPDATE approval_thresholds SET amount = 10000000", "DELETE FROM approval_thresholds",
    "INSERT INTO approval_thresholds VALUES ('USD', 10000000)",
    "UPDATE approval_requests SET amount = 1", "DELETE FROM approval_requests",
    "UPDATE approval_requests SET expires_at = now() + interval '9 days'",
    "UPDATE approval_requests SET used_at = NULL",
    "UPDATE approval_requests SET requested_by_id = NULL",
    "UPDATE approval_requests SET status = 'approved', decided_by_id = requested_by_id",
    "UPDATE accounts SET overdraft_limit = 10000000", "UPDATE accounts SET daily_limit = NULL",
    "UPDATE limit_changes SET reason = ''", "DELETE FROM limit_changes",
])  # fmt: skip
def test_raw_sql_of_the_web_role_is_refused(sql: str, account: Account, clerk: User) -> None:
    deposit(account, clerk, 5_000)
    change_limits(account, clerk, overdraft_limit=Decimal(10))
    asked(account, clerk)
    with pytest.raises(DatabaseError) as refused:
        raw(sql)
    cause = cast("psycopg.Error", refused.value.__cause__)
    assert cause.sqlstate == DENIED or cause.diag.constraint_name


def in_session(trick: str, by: User, sql: str, *values: Any) -> None:
    """Runs and commits a statement in a session of the web role, after a trick."""
    connection.ensure_connection()
    with as_web(by), connection.cursor() as cursor:
        try:
            cursor.execute(trick)
            cursor.execute(sql, values)
            cursor.execute("COMMIT")
        finally:
            connection.close()


def raw_deposit(trick: str, account: Account, clerk: User, amount: int = 20_000) -> None:
    """Inserts a deposit of an amount without a source, after a trick."""
    in_session(
        trick, clerk,
        "INSERT INTO transactions (id, to_account_id, amount, currency, type, status,"
        " description, reference, metadata, created_at, value_date, to_balance, created_by_id)"
        " SELECT gen_random_uuid(), id, %s, 'USD', 'deposit', 'completed', '', '', '{}',"
        " clock_timestamp(), current_date, balance + %s, %s FROM accounts WHERE id = %s",
        amount, amount, clerk.pk, account.pk,
    )  # fmt: skip


def raw_limit(trick: str, account: Account, boss: User, limit: int) -> None:
    """Sets another daily limit, after a trick."""
    in_session(
        trick, boss,
        "INSERT INTO limit_changes (id, account_id, overdraft_limit, daily_limit, reason,"
        " changed_by_id, created_at) VALUES (gen_random_uuid(), %s, 0, %s, '', %s, now())",
        account.pk, limit, boss.pk,
    )  # fmt: skip


def test_a_raw_row_over_the_threshold_is_refused_whatever_the_session_says(
    account: Account, clerk: User
) -> None:
    tricks = [
        "SELECT 1", "SET pgtrigger.ignore = '{all}'", "SET TimeZone = 'Pacific/Kiritimati'",
        "SET session_replication_role = replica", "SET ROLE ledger_cookbook",
        "SET CONSTRAINTS ALL DEFERRED",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
    ]  # fmt: skip
    for trick in tricks:
        with pytest.raises(DatabaseError):
            raw_deposit(trick, account, clerk)
    assert balances(account) == [50_000]


# Settings of a session for the texts of days, times and numbers.
STYLES = [
    "SET DateStyle = 'German'", "SET DateStyle = 'SQL, DMY'", "SET DateStyle = 'SQL, MDY'",
    "SET DateStyle = 'Postgres, DMY'", "SET TimeZone = 'Pacific/Kiritimati'",
    "SET TimeZone = 'Pacific/Pago_Pago'", "SET IntervalStyle = 'sql_standard'",
]  # fmt: skip


@pytest.mark.parametrize("style", STYLES)
def test_a_day_has_one_sum_whatever_the_session_says(
    style: str, account: Account, clerk: User, boss: User
) -> None:
    raw_deposit("SELECT 1", account, clerk, 6_000)
    with pytest.raises(DatabaseError):
        raw_deposit(style, account, clerk, 6_000)
    change_limits(account, boss, daily_limit=Decimal(1))
    raw_limit("SELECT 1", account, boss, 6_000)
    with pytest.raises(DatabaseError):
        raw_limit(style, account, boss, 12_000)
    account.refresh_from_db()
    assert (account.balance, account.daily_limit) == (56_000, 6_000)


def test_a_forged_decision_names_a_manager_who_is_no_relative(
    account: Account, clerk: User, boss: User
) -> None:
    request = asked(account, clerk)
    for person in (clerk, colleague(OPERATIONS, "Second"), account.user):
        with pytest.raises(IntegrityError):
            raw(
                "UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
                " decided_at = now() WHERE id = %s",
                person.pk, request.pk, by=person,
            )  # fmt: skip
    with pytest.raises(IntegrityError):
        raw("UPDATE approval_requests SET status = 'done', decided_by_id = %s, decided_at = now()",
            boss.pk)  # fmt: skip


def test_an_account_is_not_opened_with_an_overdraft(account: Account) -> None:
    with pytest.raises(DatabaseError):
        raw(
            "INSERT INTO accounts (id, user_id, number, name, currency, status, balance, held,"
            " overdraft_limit, created_at) SELECT gen_random_uuid(), user_id, '482109375511', name,"
            " currency, 'active', 0, 0, 5000, now() FROM accounts LIMIT 1"
        )
