"""The audit of links: each capture is of its hold, each reversal of its original."""

from decimal import Decimal
from typing import Any

import pytest

from ledger.db.ids import uuid7
from tests.factories import insert_row
from tests.transactions.audit.breaking import falsify, falsify_rules, found
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
FIRST_REVERSAL = (
    "SELECT id FROM transactions WHERE reverses_id IS NOT NULL ORDER BY created_at LIMIT 1"
)


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


def test_a_deposit_that_captures_a_missing_hold_names_its_account(books: Any) -> None:
    a, _ = books
    row = services.deposit(to_account=a, amount=Decimal(5))
    falsify_rules()
    falsify("UPDATE transactions SET captures_id = %s WHERE id = %s", uuid7(), row.pk)
    assert (found("capture").account, found("capture").transaction) == (str(a.pk), str(row.pk))


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
