"""The audit: silent on clean books, and naming the account and the row on broken ones."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, insert_row
from transactions import services
from transactions.audit import CHECKS, audit
from transactions.management.commands.audit_ledger import moment
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
FIRST_REVERSAL = (
    "SELECT id FROM transactions WHERE reverses_id IS NOT NULL ORDER BY created_at LIMIT 1"
)


@pytest.fixture
def books() -> tuple[Account, Account]:
    a, b = AccountFactory(balance="100"), AccountFactory(currency="USD")
    services.transfer(from_account=a, to_account=b, amount=Decimal(30))
    services.withdraw(from_account=b, amount=Decimal(5))
    services.deposit(to_account=AccountFactory(currency="JPY"), amount=Decimal(7))
    return a, b


def falsify(sql: str, *parameters: Any) -> None:
    """What only the owner of the tables could do: take the walls away first."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE transactions DISABLE TRIGGER USER")
        cursor.execute("ALTER TABLE accounts DISABLE TRIGGER USER")
        cursor.execute(
            "ALTER TABLE transactions DROP CONSTRAINT IF EXISTS from_account_same_currency"
        )
        cursor.execute(
            "ALTER TABLE transactions DROP CONSTRAINT IF EXISTS to_account_same_currency"
        )
        cursor.execute(sql, parameters)


def test_clean_books_give_no_finding(books: Any) -> None:
    result = audit()
    assert result.clean
    assert (result.accounts, result.transactions) == (3, 4)


def test_empty_books_are_clean() -> None:
    assert audit().clean


def found(check: str) -> Any:
    (finding,) = [f for f in audit().findings if f.check == check]
    return finding


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


def test_a_hold_left_pending_beside_its_capture_is_found(books: Any) -> None:
    a, _ = books
    hold = uuid7()
    insert_row(id=hold, type="withdrawal", status="pending", from_account_id=a.pk)
    insert_row(type="withdrawal", from_account_id=a.pk, captures_id=hold, amount="10")
    falsify("UPDATE transactions SET status = 'pending' WHERE id = %s", hold)
    finding = found("capture")
    assert (finding.transaction, finding.expected, finding.found) == (
        str(hold),
        "captured",
        "pending",
    )


def test_a_captured_hold_without_its_capture_is_found(books: Any) -> None:
    a, _ = books
    hold = services.hold(from_account=a, amount=Decimal(5))
    falsify("UPDATE transactions SET status = 'captured' WHERE id = %s", hold.pk)
    finding = found("capture")
    assert (finding.transaction, finding.found) == (str(hold.pk), "captured by none")


@pytest.mark.parametrize(("change", "expected"), [
    ("amount = 6", "at most 5.0000 captured"),
    ("to_account_id = NULL, to_balance = NULL", "a capture with the sides of its hold"),
    ("currency = 'EUR'", "a capture with the sides of its hold"),
    ("status = 'pending'", "a completed row that captures it"),
])  # fmt: skip
def test_a_capture_that_is_not_of_its_hold_is_found(change: str, expected: str, books: Any) -> None:
    a, b = books
    hold = services.hold(from_account=a, to_account=b, amount=Decimal(5))
    row = services.capture(hold=hold)
    falsify_rules()
    falsify(f"UPDATE transactions SET {change} WHERE id = %s", row.pk)
    finding = found("capture")
    assert (finding.transaction, finding.expected) == (str(hold.pk), expected)


def test_a_hold_captured_twice_is_found(books: Any) -> None:
    a, _ = books
    hold = services.hold(from_account=a, amount=Decimal(5))
    services.capture(hold=hold, amount=Decimal(2))
    second = services.withdraw(from_account=a, amount=Decimal(2))
    falsify("DROP INDEX hold_captured_once")
    falsify("UPDATE transactions SET captures_id = %s WHERE id = %s", hold.pk, second.pk)
    assert (found("capture").expected, found("capture").found) == ("one capture", "2")


@pytest.mark.parametrize(("change", "expected"), [
    ("amount = amount + 25", "at most 30.0000 reversed of"),
    ("to_account_id = from_account_id, from_account_id = to_account_id",
     "the sides of its original, the other way round"),
    ("currency = 'EUR'", "the sides of its original, the other way round"),
    ("status = 'voided'", "a completed reversal"),
    (f"reverses_id = ({FIRST_REVERSAL})", "a reversal of a payment"),
])  # fmt: skip
def test_a_reversal_that_does_not_fit_its_original_is_found(
    change: str, expected: str, books: Any
) -> None:
    payment = Transaction.objects.get(type="transfer")
    services.reverse(transaction=payment, amount=Decimal(3))
    second = services.reverse(transaction=payment, amount=Decimal(4))
    assert audit().clean
    falsify_rules()
    falsify(f"UPDATE transactions SET {change} WHERE id = %s", second.pk)
    assert found("reversal").expected.startswith(expected)


def test_a_reversal_of_a_hold_is_found(books: Any) -> None:
    a, _ = books
    hold = services.hold(from_account=a, amount=Decimal(5))
    row = services.deposit(to_account=a, amount=Decimal(5))
    falsify("UPDATE transactions SET reverses_id = %s WHERE id = %s", hold.pk, row.pk)
    finding = found("reversal")
    assert (finding.transaction, finding.found) == (str(row.pk), "pending")


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


def test_an_account_that_breaks_a_rule_is_found_when_the_rule_was_dropped(books: Any) -> None:
    a, _ = books
    falsify_rules("accounts")
    falsify("UPDATE accounts SET held = -1 WHERE id = %s", a.pk)
    assert (found("rule").account, found("rule").found) == (str(a.pk), "held_non_negative broken")


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


def test_of_voided_holds_that_were_deleted_only_the_newest_row_is_missed(books: Any) -> None:
    """It leaves no mark in any balance; before its seal, the account's time alone may tell."""
    a, _ = books
    earlier, last = (services.hold(from_account=a, amount=Decimal(5)) for _ in range(2))
    for row in (earlier, last):
        services.void(hold=row)
    falsify("DELETE FROM transactions WHERE id = %s", earlier.pk)
    assert audit().clean
    falsify("DELETE FROM transactions WHERE id = %s", last.pk)
    assert found("time").account == str(a.pk)
    assert str(found("time")).endswith("A row that came later may be gone.")


def falsify_rules(table: str = "transactions") -> None:
    """Drops every CHECK of a table."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
            [table],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


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
    assert str(finding).endswith(" This is the first of 4 such.")


# Since a time


@pytest.fixture
def old_and_new(books: Any) -> tuple[Transaction, Transaction, datetime]:
    """A row before a time, one after it on the same account, and the time between."""
    a, b = books
    old = Transaction.objects.get(type="transfer")
    between = old.created_at + timedelta(microseconds=1)
    return old, services.transfer(from_account=a, to_account=b, amount=Decimal(3)), between


def test_an_audit_since_a_time_sees_nothing_older(old_and_new: Any) -> None:
    old, _, since = old_and_new
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", old.pk)
    result = audit(since=since)
    assert (result.clean, result.transactions, result.since) == (True, 3, since)
    assert not audit().clean


def test_an_audit_since_a_time_follows_each_chain_from_the_entry_before(old_and_new: Any) -> None:
    _, new, since = old_and_new
    assert audit(since=since).clean
    falsify("UPDATE transactions SET from_balance = from_balance + 1 WHERE id = %s", new.pk)
    (finding,) = [f for f in audit(since=since).findings if f.check == "chain"]
    assert (finding.transaction, finding.broken) == (str(new.pk), 1)


def test_an_audit_since_a_time_still_sees_every_balance(old_and_new: Any, books: Any) -> None:
    falsify("UPDATE accounts SET balance = balance + 1 WHERE id = %s", books[0].pk)
    checks = {finding.check for finding in audit(since=timezone.now()).findings}
    assert checks == {"balance", "currency"}


def test_an_audit_since_a_time_sees_reversals_exceed_an_older_original(old_and_new: Any) -> None:
    old, _, _ = old_and_new
    services.reverse(transaction=old, amount=Decimal(20))
    since = timezone.now()
    row = services.reverse(transaction=old, amount=Decimal(5))
    assert audit(since=since).clean
    falsify("UPDATE transactions SET amount = 11 WHERE id = %s", row.pk)
    checks = {finding.check for finding in audit(since=since).findings}
    assert checks == {"chain", "reversal"}


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
    with django_assert_max_num_queries(4):  # its own, and two to set the memory it may sort in
        assert next(check(), None) is None


def test_the_command_says_so_and_exits_0_when_clean(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", stdout=out)
    assert out.getvalue() == "The books are clean: 4 transactions on 3 accounts.\n"


def test_the_command_exits_1_and_names_account_and_row(books: Any) -> None:
    row = Transaction.objects.get(type="transfer")
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", row.pk)
    out, err = StringIO(), StringIO()
    with pytest.raises(SystemExit) as stopped:
        call_command("audit_ledger", stdout=out, stderr=err)
    assert stopped.value.code == 1
    assert f"transaction {row.pk}" in err.getvalue()
    assert not out.getvalue()


def test_the_command_prints_json(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", json=True, stdout=out)
    assert json.loads(out.getvalue()) == {
        "clean": True,
        "accounts": 3,
        "transactions": 4,
        "since": None,
        "findings": [],
    }


def test_the_command_checks_since_a_day_and_says_so(books: Any) -> None:
    out = StringIO()
    call_command("audit_ledger", since="2026-01-02", stdout=out)
    assert out.getvalue() == (
        "The books are clean: 4 transactions booked since 2026-01-02 00:00 UTC on 3 accounts.\n"
    )
    out = StringIO()
    since = timezone.now().isoformat()
    call_command("audit_ledger", since=since, json=True, stdout=out)
    said = json.loads(out.getvalue())
    assert (said["since"], said["transactions"]) == (since, 0)


def test_the_command_refuses_a_time_ahead_which_would_find_nothing_for_ever() -> None:
    with pytest.raises(CommandError, match="lies ahead"):
        call_command("audit_ledger", since="2999-01-01T08:00")


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "2026-02-30", ""])
def test_the_command_refuses_a_time_that_is_none(text: str) -> None:
    with pytest.raises(CommandError, match="is no date or time"):
        moment(text)
