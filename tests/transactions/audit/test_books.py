"""The audit: silent on clean books, and naming the account and the row on broken ones."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from banking.statement_files.audit_checks import statements
from ledger.db.ids import uuid7
from tests.attacks.registered_rows import rows_of_every_register
from tests.factories import AccountFactory, insert_row
from tests.transactions.audit.breaking import falsify, falsify_rules, found, lose_not_null
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions import services
from transactions.audit.audit import CHECKS, audit
from transactions.audit.checks.recorded import CHECKS_OF_TABLES, recorded
from transactions.audit.checks.register import REGISTERED, register
from transactions.audit.sealing import seal
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


def test_clean_books_give_no_finding(books: Any) -> None:
    result = audit()
    assert result.clean
    assert (result.accounts, result.transactions) == (3, 4)


def test_empty_books_are_clean() -> None:
    assert audit().clean


def test_a_changed_amount_breaks_the_chain_and_the_row_is_named(books: Any) -> None:
    a, b = books
    row = Transaction.objects.get(type="transfer")
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", row.pk)
    finding = found("chain")
    assert finding.transaction == str(row.pk)
    assert finding.account == str(min(a.pk, b.pk))


def test_a_deleted_row_breaks_the_chain(books: Any) -> None:
    _, b = books
    transfer = Transaction.objects.get(type="transfer")
    last = Transaction.objects.get(type="withdrawal")
    falsify("DELETE FROM transactions WHERE id = %s", transfer.pk)
    finding = found("chain")
    assert (finding.account, finding.transaction) == (str(b.pk), str(last.pk))


def test_two_entries_at_one_time_have_no_order(books: Any) -> None:
    falsify("UPDATE transactions SET created_at = '2026-01-01T00:00Z'")
    assert found("chain").found.endswith("at 2026-01-01T00:00:00+00:00")


def test_a_changed_balance_names_the_account(books: Any) -> None:
    a, _ = books
    falsify("UPDATE accounts SET balance = balance + 1 WHERE id = %s", a.pk)
    assert found("balance").account == str(a.pk)
    assert found("currency").expected == "95.0000 USD deposited less withdrawn"


def test_a_balance_without_any_entry_is_found() -> None:
    account = AccountFactory()
    falsify("UPDATE accounts SET balance = 1 WHERE id = %s", account.pk)
    assert found("balance").account == str(account.pk)


def test_money_held_without_a_hold_is_found(books: Any) -> None:
    a, _ = books
    falsify("UPDATE accounts SET held = 1 WHERE id = %s", a.pk)
    assert found("held").account == str(a.pk)


def test_a_hold_that_is_not_reserved_is_found(books: Any) -> None:
    a, _ = books
    insert_row(type="withdrawal", status="pending", from_account_id=a.pk)
    falsify("UPDATE accounts SET held = 0 WHERE id = %s", a.pk)
    assert found("held").expected == "10.0000 held"


@pytest.mark.parametrize(("change", "rule"), [
    ("amount = -1", "positive_amount"),
    ("amount = 'NaN'", "positive_amount"),
    ("amount = 0.001", "amount_fits_currency"),
    ("type = 'gift'", "sides_match_type"),
    ("from_balance = NULL", "balances_when_completed"),
    ("metadata = '[]'", "metadata_is_object"),
    ("captures_id = id, reverses_id = id", "captures_or_reverses"),
])  # fmt: skip
def test_a_row_that_breaks_a_rule_is_found_when_the_rule_was_dropped(
    change: str, rule: str, books: Any
) -> None:
    row = Transaction.objects.get(type="transfer")
    falsify_rules()
    falsify(f"UPDATE transactions SET {change} WHERE id = %s", row.pk)
    finding = found("rule")
    assert (finding.transaction, finding.found) == (str(row.pk), f"{rule} broken")


@pytest.mark.parametrize(("change", "rule"), [
    ("held = -1", "held_non_negative"),
    ("status = 'asleep'", "account_choices_valid"),
    ("closed_at = '9999-06-01'", "account_times_finite"),
    ("closed_at = now()", "account_closed_at_a_time"),
    ("minor_units = 3", "account_currency_exists"),
])  # fmt: skip
def test_an_account_that_breaks_a_rule_is_found_when_the_rule_was_dropped(
    change: str, rule: str, books: Any
) -> None:
    a, _ = books
    falsify_rules("accounts")
    falsify(f"UPDATE accounts SET {change} WHERE id = %s", a.pk)
    assert (found("rule").account, found("rule").found) == (str(a.pk), f"{rule} broken")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("accounts", "held"), ("accounts", "balance"), ("accounts", "status"),
        ("transactions", "type"), ("transactions", "amount"), ("transactions", "description"),
        ("sealed_days", "digest"), ("sealed_days", "row_count"), ("currencies", "minor_units"),
        ("audit_runs", "started_at"), ("approval_requests", "reason"),
        ("row_register", "registered_at"),
    ],
)  # fmt: skip
def test_a_value_that_is_gone_is_found_when_the_column_may_be_null(table: str, column: str) -> None:
    march()
    seal(until=day(5))
    rows_of_every_register()
    falsify_rules(table)
    as_owner(f"ALTER TABLE {table} ALTER {column} DROP NOT NULL", table=table)
    assert audit().clean
    as_owner(f"UPDATE {table} SET {column} = NULL", table=table)
    finding = found("missing value")
    assert finding.found.startswith(f"{table}.{column} in row ")
    assert finding.found.removeprefix(f"{table}.{column} in row ") in finding.sentence
    has_account = table in {"accounts", "transactions", "approval_requests"}
    assert (finding.account is not None) == has_account
    assert (finding.transaction is not None) == (table == "transactions")


def test_the_account_that_a_row_lost_comes_from_the_register() -> None:
    account = rows_of_every_register()
    lose_not_null("limit_changes", "account_id")
    as_owner("UPDATE limit_changes SET account_id = NULL", table="limit_changes")
    assert found("missing value").account == str(account.pk)


def test_a_not_null_that_was_never_validated_hides_no_missing_value(books: Any) -> None:
    a, _ = books
    falsify("ALTER TABLE accounts ALTER held DROP NOT NULL")
    falsify("UPDATE accounts SET held = NULL WHERE id = %s", a.pk)
    assert found("missing value").account == str(a.pk)
    if connection.pg_version >= 180000:  # type: ignore[attr-defined]
        falsify("ALTER TABLE accounts ADD CONSTRAINT held NOT NULL held NOT VALID")
        assert found("missing value").account == str(a.pk)


def test_an_account_that_forgot_its_last_entry_is_found(books: Any) -> None:
    """The next entry would be given a time before it."""
    a, _ = books
    falsify("UPDATE accounts SET last_entry_at = '2026-01-01' WHERE id = %s", a.pk)
    assert found("time").account == str(a.pk)


def test_an_account_whose_last_entry_lies_ahead_is_found(books: Any) -> None:
    """Nothing could be booked before that time, and a newer row may be gone."""
    a, _ = books
    falsify(
        "UPDATE accounts SET last_entry_at = last_entry_at + interval '1 microsecond' "
        "WHERE id = %s",
        a.pk,
    )
    finding = found("time")
    assert (finding.account, finding.transaction) == (str(a.pk), str(a.sent.get().pk))


def test_an_account_with_a_last_entry_and_none_in_the_books_is_found() -> None:
    account = AccountFactory()
    falsify("UPDATE accounts SET last_entry_at = '2026-01-01' WHERE id = %s", account.pk)
    assert (found("time").account, found("time").transaction) == (str(account.pk), None)


def test_a_hold_is_a_row_of_both_its_accounts_too(books: Any) -> None:
    a, b = books
    row = services.hold(from_account=a, to_account=b, amount=Decimal(5))
    assert audit().clean
    falsify("UPDATE accounts SET last_entry_at = last_entry_at - interval '1 microsecond' "
            "WHERE id = %s", b.pk)  # fmt: skip
    assert found("time").transaction == str(row.pk)


def test_of_voided_holds_deleted_with_their_notes_and_entries_the_newest_row_is_missed(
    books: Any,
) -> None:
    """A hold leaves no mark in any balance. Where somebody deletes its note and that note's entry
    in the register too, the account's time alone may tell before its seal.
    """
    a, _ = books
    earlier, last = (services.hold(from_account=a, amount=Decimal(5)) for _ in range(2))
    for row in (earlier, last):
        services.void(hold=row)
    falsify("ALTER TABLE transaction_notes DISABLE TRIGGER USER")
    falsify("ALTER TABLE row_register DISABLE TRIGGER USER")
    for row in (earlier, last):
        falsify("DELETE FROM transaction_notes WHERE transaction_id = %s", row.pk)
        assert found("missing row").broken == 1
        falsify("DELETE FROM row_register WHERE table_name = 'transaction_notes'"
                " AND row_id NOT IN (SELECT id::text FROM transaction_notes)")  # fmt: skip
        if row == earlier:
            falsify("DELETE FROM transactions WHERE id = %s", row.pk)
            assert audit().clean
    falsify("DELETE FROM transactions WHERE id = %s", last.pk)
    assert found("time").account == str(a.pk)
    assert "may be missing" in str(found("time"))


def test_a_side_without_account_is_an_orphan(books: Any) -> None:
    row = Transaction.objects.get(type="withdrawal")
    nobody = uuid7()
    falsify("UPDATE transactions SET from_account_id = %s WHERE id = %s", nobody, row.pk)
    finding = found("orphan")
    assert (finding.account, finding.transaction) == (str(nobody), str(row.pk))


def test_a_side_in_another_currency_is_an_orphan(books: Any) -> None:
    row = Transaction.objects.get(type="withdrawal")
    falsify("UPDATE transactions SET currency = 'EUR' WHERE id = %s", row.pk)
    assert found("orphan").transaction == str(row.pk)


def test_the_first_broken_link_is_named_and_all_are_counted() -> None:
    account = AccountFactory()
    rows = [services.deposit(to_account=account, amount=Decimal(1)) for _ in range(5)]
    falsify("UPDATE transactions SET amount = 2 WHERE id <> %s", rows[0].pk)
    finding = found("chain")
    assert (finding.transaction, finding.broken) == (str(rows[1].pk), 4)
    assert "first of 4" in str(finding)


def test_the_sorting_of_a_whole_audit_leaves_no_setting_behind(books: Any) -> None:
    with connection.cursor() as cursor:
        names = ("work_mem", "enable_indexscan", "enable_bitmapscan")
        settings = ", ".join(f"current_setting('{name}')" for name in names)
        cursor.execute(f"SELECT {settings}")
        before = cursor.fetchone()
        audit()
        cursor.execute(f"SELECT {settings}")
        assert cursor.fetchone() == before


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_each_check_is_a_few_queries_whatever_the_size(
    check: Callable[[], Any], books: Any, django_assert_max_num_queries: Any
) -> None:
    each: dict[Any, int] = {
        recorded: len(CHECKS_OF_TABLES), register: len(REGISTERED), statements: 1,
    }  # fmt: skip
    # Its own, and two to set the memory that it may sort in.
    with django_assert_max_num_queries(4 + each.get(check, 0)):
        assert next(check(), None) is None
