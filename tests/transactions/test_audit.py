"""The audit: silent on clean books, and naming the account and the row on broken ones."""

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, insert_row
from transactions import services
from transactions.audit import CHECKS, audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


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
        cursor.execute("ALTER TABLE transactions DROP CONSTRAINT from_account_same_currency")
        cursor.execute("ALTER TABLE transactions DROP CONSTRAINT to_account_same_currency")
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
    assert found("held").expected == "10.0000 held"


def test_a_hold_left_pending_beside_its_capture_is_found(books: Any) -> None:
    a, _ = books
    hold = uuid7()
    insert_row(id=hold, type="withdrawal", status="pending", from_account_id=a.pk)
    insert_row(
        type="withdrawal", from_account_id=a.pk, from_balance="60", captures_id=hold, amount="10"
    )
    finding = found("capture")
    assert (finding.transaction, finding.expected, finding.found) == (
        str(hold),
        "captured",
        "pending",
    )


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
