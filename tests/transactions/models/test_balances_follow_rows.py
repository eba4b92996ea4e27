"""Nobody writes a balance: inserting rows moves it, and only rows that continue the books."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from accounts.models import Account
from accounts.services import close_account, freeze_account
from tests.factories import AccountFactory, UserFactory, balances, insert_row
from tests.refusals import constraint_of, insert_refused_by, refused_by
from transactions.audit.audit import audit

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "change", ["balance = balance + 5", "held = 1", "last_entry_at = now()", "balance = 0"]
)
def test_a_balance_moves_by_rows_alone(change: str) -> None:
    account = AccountFactory(balance="10")
    sql = f"UPDATE accounts SET {change} WHERE id = %s"
    assert refused_by(sql, account.pk) == "balance_follows_rows"


def test_other_columns_of_an_account_are_written_beside_an_unchanged_balance() -> None:
    account = AccountFactory(balance="10")
    account.name = "Rent"
    account.save()
    assert Account.objects.get(pk=account.pk).name == "Rent"


@pytest.mark.parametrize(
    "column", [{"balance": 1}, {"held": 1}, {"last_entry_at": datetime(2026, 1, 1, tzinfo=UTC)}]
)
def test_an_account_opens_empty(column: dict[str, Any]) -> None:
    account = Account(user=UserFactory(), currency="USD", overdraft_limit=5, **column)
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        account.save(force_insert=True)
    assert constraint_of(refused.value) == "account_opens_empty"


BREAKS = {
    "a balance that is not the one before plus the amount": {"to_balance": "21"},
    "a time before the last entry": {"created_at": "2025-12-31T00:00Z", "to_balance": "20"},
    "a balance that stays": {"to_balance": "10"},
    "a time in the future": {"created_at": "2999-01-01T00:00Z", "to_balance": "20"},
}


@pytest.mark.parametrize("columns", BREAKS.values(), ids=list(BREAKS))
def test_a_row_continues_the_books(columns: dict[str, str]) -> None:
    account = AccountFactory()
    insert_row(type="deposit", to_account_id=account.pk)
    row = {"type": "deposit", "to_account_id": account.pk, **columns}
    assert insert_refused_by(**row) == "rows_continue_the_books"
    withdrawal = {"type": "withdrawal", "from_account_id": account.pk}
    withdrawal |= {key.replace("to_", "from_"): value for key, value in columns.items()}
    if withdrawal["from_balance"] == "20":  # where the time alone is wrong
        withdrawal["from_balance"] = "0"
    assert insert_refused_by(**withdrawal) == "rows_continue_the_books"
    insert_row(type="deposit", to_account_id=account.pk)
    assert balances(account) == [20]


def insert_chain(
    account: Account,
    *lines: tuple[str, int, int],
    kind: str = "deposit",
    day: str = "2026-01-01",
) -> None:
    """Rows of one account by one statement: (minute of its time, amount, balance) each."""
    side = "to" if kind == "deposit" else "from"
    values = ", ".join(
        f"(gen_random_uuid(), '{account.pk}', {amount}, 'USD', '{kind}', 'completed', '', '',"
        f" '{{}}', '{day}T00:{minute}Z', '2026-01-01', {balance})"
        for minute, amount, balance in lines
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO transactions (id, {side}_account_id, amount, currency, type, status, "
            f"description, reference, metadata, created_at, value_date, {side}_balance) "
            f"VALUES {values}"
        )


def test_many_rows_of_one_statement_continue_the_books_in_order_of_time() -> None:
    account = AccountFactory()
    insert_chain(account, ("02", 5, 15), ("01", 10, 10), ("03", 1, 16))
    assert balances(account) == [16]
    account.refresh_from_db()
    assert account.last_entry_at == datetime(2026, 1, 1, 0, 3, tzinfo=UTC)
    assert audit().clean


def test_a_frozen_account_sends_nothing_and_still_takes_money() -> None:
    account = AccountFactory(balance="10")
    freeze_account(account=account)
    side = {"from_account_id": account.pk}
    assert insert_refused_by(type="withdrawal", **side) == "account_may_move"
    assert insert_refused_by(type="withdrawal", status="pending", **side) == "account_may_move"
    insert_row(type="deposit", to_account_id=account.pk)
    assert balances(account) == [20]


def test_a_closed_account_takes_nothing() -> None:
    account = AccountFactory()
    close_account(account=account)
    assert insert_refused_by(type="deposit", to_account_id=account.pk) == "account_may_move"


def test_no_row_of_many_moves_an_account_that_may_not_move() -> None:
    closed, frozen = AccountFactory(), AccountFactory()
    close_account(account=closed)
    freeze_account(account=frozen)
    insert_chain(frozen, ("01", 1, 1), ("02", 1, 2))
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_chain(closed, ("01", 1, 1), ("02", 1, 2))
    assert constraint_of(refused.value) == "account_may_move"
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_chain(frozen, ("03", 1, 1), ("04", 1, 0), kind="withdrawal")
    assert constraint_of(refused.value) == "account_may_move"


MANY_BREAKS = {
    "a wrong first balance": [("05", 1, 12), ("06", 1, 13)],
    "a wrong balance in the middle": [("05", 1, 11), ("06", 1, 13), ("07", 1, 13)],
    "a wrong last balance": [("05", 1, 11), ("06", 1, 11)],
    "two rows at one time": [("05", 1, 11), ("05", 1, 12)],
    "a first row before the last entry": [("03", 1, 11), ("06", 1, 12)],
}


def test_many_rows_are_not_in_the_future() -> None:
    account = AccountFactory()
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_chain(account, ("01", 1, 1), ("02", 1, 2), day="2999-01-01")
    assert constraint_of(refused.value) == "rows_continue_the_books"


def test_a_closed_account_never_opens_again() -> None:
    account = AccountFactory()
    close_account(account=account)
    sql = "UPDATE accounts SET status = 'active', closed_at = NULL WHERE id = %s"
    assert refused_by(sql, account.pk) == "closed_account_stays_closed"
    assert refused_by("UPDATE accounts SET overdraft_limit = 9 WHERE id = %s", account.pk) == (
        "closed_account_stays_closed"
    )


@pytest.mark.parametrize("lines", MANY_BREAKS.values(), ids=list(MANY_BREAKS))
def test_many_rows_that_do_not_continue_the_books_are_refused(
    lines: list[tuple[str, int, int]],
) -> None:
    account = AccountFactory()
    insert_chain(account, ("04", 10, 10))
    with pytest.raises(DatabaseError) as refused, db_transaction.atomic():
        insert_chain(account, *lines)
    assert constraint_of(refused.value) == "rows_continue_the_books"
    assert balances(account) == [10]
