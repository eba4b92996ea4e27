"""What the database itself refuses, by raw SQL that goes round every line of Python."""

import importlib
from decimal import Decimal
from typing import Any

import pgtrigger
import pytest
from django.db import connection

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, insert_row, walls_down
from tests.refusals import insert_refused_by, refused_by
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models import StaffReason, Transaction
from transactions.posting.refusals import BY_CONSTRAINT

FOREIGN_KEYS = importlib.import_module("transactions.migrations.0001_tables").FOREIGN_KEYS

pytestmark = pytest.mark.django_db


def deposit_row(account: Account, **columns: Any) -> dict[str, Any]:
    return {"type": "deposit", "to_account_id": account.pk, "to_balance": "10", **columns}


@pytest.mark.parametrize("amount", ["0", "-1", "NaN"])
def test_positive_amount(amount: str) -> None:
    row = deposit_row(AccountFactory(), amount=amount)
    assert insert_refused_by(**row) == "positive_amount"


@pytest.mark.parametrize(
    ("currency", "amount"), [("JPY", "1.5"), ("USD", "0.001"), ("KWD", "0.0001")]
)
def test_amount_fits_currency(currency: str, amount: str) -> None:
    row = deposit_row(AccountFactory(currency=currency), amount=amount, currency=currency)
    assert insert_refused_by(**row) == "amount_fits_currency"


@pytest.mark.parametrize(
    "sides",
    [
        {"type": "transfer", "to_account_id": 1, "to_balance": 1},
        {"type": "transfer", "from_account_id": 1, "from_balance": 1},
        {"type": "deposit", "from_account_id": 1, "from_balance": 1},
        {"type": "withdrawal", "to_account_id": 1, "to_balance": 1},
        {"type": "gift", "to_account_id": 1, "to_balance": 1},
        {"type": "deposit"},
        {
            "type": "transfer",
            "from_account_id": 1,
            "from_balance": 1,
            "to_account_id": 1,
            "to_balance": 1,
        },
    ],
)
def test_sides_match_type(sides: dict[str, Any]) -> None:
    account = AccountFactory()
    row = {k: account.pk if k.endswith("account_id") else v for k, v in sides.items()}
    assert insert_refused_by(**row) == "sides_match_type"


def test_captures_or_reverses() -> None:
    """Every other wall lets such a row pass: it completes a hold and gives a payment back."""
    a, b = AccountFactory(balance="100"), AccountFactory(balance="100")
    sides: dict[str, Any] = {"from_account": a, "to_account": b}
    hold = services.hold(**sides, amount=Decimal(10))
    paid = services.transfer(from_account=b, to_account=a, amount=Decimal(10))
    row = {"type": "transfer", "from_account_id": a.pk, "to_account_id": b.pk}
    both = {"captures_id": hold.pk, "reverses_id": paid.pk}
    assert insert_refused_by(**row, **both) == "captures_or_reverses"
    draft = services.Draft(**sides, amount=10, captures=hold, reverses=paid)
    with pytest.raises(InvalidDetails, match="never both"):
        services.book(draft)
    insert_row(**row, captures_id=hold.pk)


def test_transaction_status_valid() -> None:
    row = deposit_row(AccountFactory(), status="maybe", to_balance=None)
    assert insert_refused_by(**row) == "transaction_status_valid"


@pytest.mark.parametrize("metadata", ["[]", "1", '"text"', "null"])
def test_metadata_is_object(metadata: str) -> None:
    row = deposit_row(AccountFactory(), metadata=metadata)
    assert insert_refused_by(**row) == "metadata_is_object"


def test_metadata_within_limit() -> None:
    row = deposit_row(AccountFactory(), metadata='{"a": "%s"}' % ("x" * 16_384))
    assert insert_refused_by(**row) == "metadata_within_limit"


@pytest.mark.parametrize(
    "columns",
    [{"to_balance": None}, {"from_balance": 1}, {"status": "pending", "to_balance": 10}],
)
def test_balances_when_completed(columns: dict[str, Any]) -> None:
    row = deposit_row(AccountFactory(), **columns)
    assert insert_refused_by(**row) == "balances_when_completed"


@pytest.mark.parametrize(
    "columns",
    [
        {"to_balance": "NaN"},
        {"created_at": "infinity"},
        {"created_at": "1899-12-31T00:00Z"},
        {"value_date": "infinity"},
        {"status": "pending", "to_balance": None, "expires_at": "infinity"},
        {"status": "pending", "to_balance": None, "expires_at": "-infinity"},
        {"status": "pending", "to_balance": None, "expires_at": "2026-03-01 12:00 UTC BC"},
    ],
)
def test_transaction_values_finite(columns: dict[str, Any]) -> None:
    row = deposit_row(AccountFactory(), **columns)
    assert insert_refused_by(**row) == "transaction_values_finite"


def test_only_holds_expire() -> None:
    row = deposit_row(AccountFactory(), expires_at="2026-01-02T00:00Z")
    assert insert_refused_by(**row) == "only_holds_expire"


def test_two_currencies_cannot_meet_in_one_row() -> None:
    dollars, euros = AccountFactory(), AccountFactory(currency="EUR")
    row = {
        "type": "transfer",
        "from_account_id": dollars.pk,
        "to_account_id": euros.pk,
        "from_balance": "1",
        "to_balance": "1",
    }
    assert insert_refused_by(**row, currency="USD") == "to_account_same_currency"
    assert insert_refused_by(**row, currency="EUR") == "from_account_same_currency"
    assert insert_refused_by(**row, currency="XXX") in {
        "from_account_same_currency",
        "to_account_same_currency",
    }


def test_a_side_that_is_no_account_cannot_be_booked() -> None:
    row = deposit_row(AccountFactory()) | {"to_account_id": uuid7()}
    assert insert_refused_by(**row) == "to_account_same_currency"


CHANGES = {
    "amount": "amount + 1",
    "description": "'other'",
    "status": "'voided'",
    "metadata": """'{"category": "x"}'""",
    "created_at": "created_at + interval '1 second'",
    "to_balance": "to_balance + 1",
    "id": "gen_random_uuid()",
    "value_date": "value_date + 1",
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_posted_row_is_never_updated(column: str) -> None:
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    sql = f"UPDATE transactions SET {column} = {CHANGES[column]} WHERE id = %s"
    assert refused_by(sql, row.pk) == "posted_row_is_final"


def test_a_posted_row_is_never_deleted() -> None:
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    assert refused_by("DELETE FROM transactions WHERE id = %s", row.pk) == "posted_row_stays"


def test_the_books_are_never_truncated() -> None:
    services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    assert refused_by("TRUNCATE transactions CASCADE") == "posted_rows_stay"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # else pending ones stop it already
    assert refused_by("TRUNCATE accounts CASCADE") in {"posted_rows_stay", "requests_stay"}


def test_whoever_books_is_a_person_of_the_bank() -> None:
    account = AccountFactory()
    with pytest.raises(InvalidDetails, match="not a user"):
        services.deposit(to_account=account, amount=Decimal(5), created_by=uuid7())
    assert not Transaction.objects.exists()


def test_captures_and_reversals_name_rows_that_exist() -> None:
    account = AccountFactory()
    row = capture_row(account, uuid7())
    assert insert_refused_by(**row) == "capture_of_pending_hold"
    row = deposit_row(account, reverses_id=uuid7())
    assert insert_refused_by(**row) == "reversal_mirrors_original"


def test_an_account_with_entries_is_never_deleted() -> None:
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    sql = "DELETE FROM accounts WHERE id = %s"
    assert refused_by(sql, row.to_account_id) == "to_account_same_currency"


def hold(account: Account, amount: str = "10") -> Any:
    """A pending row as the verbs will write it: by raw SQL, to test the triggers alone."""
    pk = uuid7()
    insert_row(
        id=pk, type="withdrawal", status="pending", from_account_id=account.pk, amount=amount
    )
    return pk


def capture_row(account: Account, hold_id: Any, **columns: Any) -> dict[str, Any]:
    return {
        "type": "withdrawal",
        "from_account_id": account.pk,
        "captures_id": hold_id,
        **columns,
    }


def end(hold_id: Any, status: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, hold_id])


def release(hold_id: Any) -> None:
    StaffReason.objects.create(transaction_id=hold_id, action="release", reason="Cancelled")
    end(hold_id, "voided")


def test_a_hold_may_be_voided_and_nothing_else_about_it_changes() -> None:
    pk = hold(AccountFactory(balance="10"))
    sql = "UPDATE transactions SET status = 'voided', amount = 5 WHERE id = %s"
    assert refused_by(sql, pk) == "posted_row_is_final"
    assert refused_by("UPDATE transactions SET status = 'voided' WHERE id = %s", pk) == (
        "released_hold_has_reason"
    )
    release(pk)
    assert Transaction.objects.get(pk=pk).status == "voided"
    assert refused_by("UPDATE transactions SET status = 'pending' WHERE id = %s", pk) == (
        "posted_row_is_final"
    )


@pytest.mark.parametrize("status", ["captured", "voided"])
def test_a_hold_begins_pending(status: str) -> None:
    row = capture_row(AccountFactory(), None, status=status, from_balance=None)
    assert insert_refused_by(**row) == "hold_begins_pending"


def test_a_hold_with_a_capture_cannot_be_voided() -> None:
    account = AccountFactory(balance="10")
    pk = hold(account)
    insert_row(**capture_row(account, pk, amount="4"))
    sql = "UPDATE transactions SET status = 'voided' WHERE id = %s"
    assert refused_by(sql, pk) == "posted_row_is_final"
    with walls_down() as cursor:
        cursor.execute("UPDATE transactions SET status = 'pending' WHERE id = %s", [pk])
    assert refused_by(sql, pk) == "captured_hold_has_capture"


def test_a_hold_is_captured_only_by_a_row_that_captures_it() -> None:
    account = AccountFactory(balance="10")
    pk = hold(account)
    sql = "UPDATE transactions SET status = 'captured' WHERE id = %s"
    assert refused_by(sql, pk) == "captured_hold_has_capture"
    insert_row(**capture_row(account, pk, amount="4"))
    assert Transaction.objects.get(pk=pk).status == "captured"
    assert insert_refused_by(**capture_row(account, pk)) == "capture_of_pending_hold"


def test_a_capture_stays_within_its_hold() -> None:
    account, other = AccountFactory(balance="10"), AccountFactory()
    pk = hold(account, "10")
    assert insert_refused_by(**capture_row(account, pk, amount="11")) == "capture_within_hold"
    assert insert_refused_by(**capture_row(other, pk)) == "capture_within_hold"
    insert_row(**capture_row(account, pk, amount="5"))
    with walls_down() as cursor:
        cursor.execute("UPDATE transactions SET status = 'pending' WHERE id = %s", [pk])
    assert insert_refused_by(**capture_row(account, pk, amount="5")) == "hold_captured_once"


def test_a_capture_is_completed_and_in_the_currency_of_its_hold() -> None:
    account, yen = AccountFactory(balance="10"), AccountFactory(currency="JPY")
    pk = hold(account)
    pending = capture_row(account, pk, status="pending", from_balance=None)
    assert insert_refused_by(**pending) == "capture_within_hold"
    other = capture_row(yen, pk, currency="JPY")
    assert insert_refused_by(**other) == "capture_within_hold"


def test_a_hold_cannot_be_reversed_nor_a_reversal_be_pending() -> None:
    a, b = AccountFactory(balance="20"), AccountFactory()
    pk = uuid7()
    sides = {"from_account_id": a.pk, "to_account_id": b.pk, "type": "transfer"}
    insert_row(id=pk, status="pending", **sides)
    row = reversal_row(Transaction.objects.get(pk=pk), "1")
    assert insert_refused_by(**row) == "reversal_mirrors_original"
    original = services.transfer(from_account=a, to_account=b, amount=Decimal(10))
    pending = reversal_row(original, "1", status="pending", from_balance=None, to_balance=None)
    assert insert_refused_by(**pending) == "reversal_mirrors_original"


def test_a_voided_hold_is_not_captured() -> None:
    account = AccountFactory(balance="10")
    pk = hold(account)
    release(pk)
    assert insert_refused_by(**capture_row(account, pk)) == "capture_of_pending_hold"


def reversal_row(row: Transaction, amount: str, **columns: Any) -> dict[str, Any]:
    return {
        "type": "transfer",
        "from_account_id": row.to_account_id,
        "to_account_id": row.from_account_id,
        "amount": amount,
        "reverses_id": row.pk,
        **columns,
    }


def test_reversals_in_sum_never_exceed_their_original() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    row = services.transfer(from_account=a, to_account=b, amount=Decimal(10))
    insert_row(**reversal_row(row, "6"))
    assert insert_refused_by(**reversal_row(row, "5")) == "reversal_within_original"
    insert_row(**reversal_row(row, "4"))
    assert insert_refused_by(**reversal_row(row, "0.01")) == "reversal_within_original"


def test_a_reversal_is_the_opposite_of_a_posted_row_that_is_none_itself() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    row = services.transfer(from_account=a, to_account=b, amount=Decimal(10))
    same_way = reversal_row(row, "1", from_account_id=a.pk, to_account_id=b.pk)
    assert insert_refused_by(**same_way) == "reversal_mirrors_original"
    first = uuid7()
    insert_row(**reversal_row(row, "1", id=first))
    again = reversal_row(Transaction.objects.get(pk=first), "1")
    assert insert_refused_by(**again) == "reversal_mirrors_original"


def test_every_check_of_a_transaction_has_its_own_test() -> None:
    names = {c.name for c in Transaction._meta.constraints if c.name != "hold_captured_once"}
    assert {f"test_{name}" for name in names} <= set(globals())


def test_every_refusal_that_has_an_error_class_is_a_constraint_of_the_books() -> None:
    known = {c.name for m in (Account, Transaction) for c in m._meta.constraints}
    triggers = {
        "account_may_move",
        "amount_fits_currency",
        "capture_of_pending_hold",
        "capture_within_hold",
        "released_hold_has_reason",
        "reversal_mirrors_original",
        "reversal_within_original",
        "sealed_period_is_closed",
    }
    keys = {"transactions_pkey", *FOREIGN_KEYS}
    assert set(BY_CONSTRAINT) <= known | triggers | keys


def test_the_search_column_holds_the_words_and_a_lexeme_per_side() -> None:
    a, b = AccountFactory(balance="10"), AccountFactory()
    row = services.transfer(
        from_account=a,
        to_account=b,
        amount=Decimal(1),
        description="Rent",
        reference="NW-7",
        metadata={"deep": {"tags": ["Garden"]}, "n": 42},
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT search::text FROM transactions WHERE id = %s", [row.pk])
        search = cursor.fetchone()[0]
    for lexeme in ("'rent':1A", "'nw':2B", "'garden'", "'42'", f"'@{a.pk.hex[-12:]}'"):
        assert lexeme in search
    assert f"'@{b.pk.hex[-12:]}'" in search


def test_no_session_can_wave_itself_through_the_triggers() -> None:
    """django-pgtrigger's own functions obey `pgtrigger.ignore`; those of the books do not."""
    row = services.deposit(to_account=AccountFactory(), amount=Decimal(5))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
            " WHERE NOT tgisinternal AND relnamespace = 'public'::regnamespace"
            r" AND tgname LIKE 'pgtrigger\_%'"  # the others are of row-level security
        )
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s::text[]::text, true)", [names])
    assert len(names) == len(pgtrigger.registered()) >= 22
    sql = "UPDATE transactions SET amount = 6 WHERE id = %s"
    assert refused_by(sql, row.pk) == "posted_row_is_final"
    assert refused_by("DELETE FROM transactions WHERE id = %s", row.pk) == "posted_row_stays"
    assert refused_by("TRUNCATE transactions CASCADE") == "posted_rows_stay"
