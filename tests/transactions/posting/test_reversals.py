"""Reversals: the opposite of a booked row, whole or in parts, never more than it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from accounts.services import freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import (
    AccountNotActive,
    AlreadyReversed,
    IdempotencyConflict,
    InsufficientFunds,
)
from transactions.models import DESCRIPTION_LIMIT, Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clean_books() -> Any:
    yield
    assert audit().clean


@pytest.fixture
def paid() -> Transaction:
    return services.transfer(
        from_account=AccountFactory(balance="100"),
        to_account=AccountFactory(),
        amount=Decimal(40),
        description="Book",
    )


def balances(row: Transaction) -> list[Decimal]:
    ids = (row.from_account_id, row.to_account_id)
    return [Account.objects.get(pk=pk).balance for pk in ids if pk]


def test_a_whole_reversal_is_a_new_row_the_other_way_round(paid: Transaction) -> None:
    back = services.reverse(transaction=paid, description="Charged twice")
    assert (back.from_account_id, back.to_account_id) == (paid.to_account_id, paid.from_account_id)
    assert (back.amount, back.reverses_id, back.status) == (40, paid.pk, "completed")
    assert balances(paid) == [100, 0]
    with pytest.raises(AlreadyReversed, match="refunded in full"):
        services.reverse(transaction=paid)


def test_the_refund_of_a_payment_with_a_long_description_is_cut() -> None:
    account = AccountFactory()
    words = "x" * DESCRIPTION_LIMIT
    paid = services.deposit(to_account=account, amount=Decimal(9), description=words)
    back = services.reverse(transaction=paid)
    assert back.description == f"Refund: {words}"[:DESCRIPTION_LIMIT]


def test_the_refund_of_a_payment_without_a_description_is_called_one() -> None:
    paid = services.deposit(to_account=AccountFactory(), amount=Decimal(9))
    assert services.reverse(transaction=paid).description == "Refund"


def test_parts_never_exceed_the_original(paid: Transaction) -> None:
    services.reverse(transaction=paid, amount=Decimal(15))
    with pytest.raises(AlreadyReversed, match=r"up to 25\.00 USD"):
        services.reverse(transaction=paid)
    last = services.reverse(transaction=paid.pk, amount=Decimal(25))
    assert last.description == "Refund: Book"
    assert balances(paid) == [100, 0]


def test_a_deposit_and_a_withdrawal_are_reversed_into_each_other() -> None:
    account = AccountFactory(balance="10")
    out = services.withdraw(from_account=account, amount=Decimal(4))
    assert services.reverse(transaction=out).type == "deposit"
    into = Transaction.objects.get(type="deposit", reverses=None)
    assert services.reverse(transaction=into).type == "withdrawal"
    account.refresh_from_db()
    assert account.balance == 0


def test_a_reversal_is_not_reversed(paid: Transaction) -> None:
    back = services.reverse(transaction=paid)
    with pytest.raises(AlreadyReversed, match="cannot be refunded"):
        services.reverse(transaction=back)
    with pytest.raises(AlreadyReversed, match="no transaction with that id"):
        services.reverse(transaction=uuid7())


@pytest.mark.parametrize(("end", "advice"), [
    (lambda hold: hold, "is not booked, so there is nothing to refund. Release it instead"),
    (lambda hold: services.capture(hold=hold), "Refund the payment that captured it instead"),
    (lambda hold: services.void(hold=hold), "was released, so there is nothing to refund"),
])  # fmt: skip
def test_a_hold_is_not_reversed_and_its_state_decides_the_advice(
    end: Callable[[Transaction], object], advice: str, paid: Transaction
) -> None:
    hold = services.hold(from_account=paid.from_account, amount=Decimal(1))  # type: ignore[arg-type]
    end(hold)
    with pytest.raises(AlreadyReversed, match=advice):
        services.reverse(transaction=hold.pk)


def test_a_capture_can_be_reversed() -> None:
    account = AccountFactory(balance="10")
    hold = services.hold(from_account=account, amount=Decimal(5))
    services.reverse(transaction=services.capture(hold=hold))
    account.refresh_from_db()
    assert (account.balance, account.held) == (10, 0)


def test_whoever_received_it_must_have_it_and_be_active(paid: Transaction) -> None:
    services.withdraw(from_account=paid.to_account, amount=Decimal(30))  # type: ignore[arg-type]
    with pytest.raises(InsufficientFunds):
        services.reverse(transaction=paid)
    services.reverse(transaction=paid, amount=Decimal(10))
    services.deposit(to_account=paid.to_account, amount=Decimal(30))  # type: ignore[arg-type]
    freeze_account(account=paid.to_account, reason="Fraud")  # type: ignore[arg-type]
    with pytest.raises(AccountNotActive):
        services.reverse(transaction=paid, amount=Decimal(1))


def test_a_limit_does_not_stop_a_refund() -> None:
    shop = AccountFactory(transfer_limit=Decimal(5), daily_limit=Decimal(5))
    row = services.transfer(
        from_account=AccountFactory(balance="100"), to_account=shop, amount=Decimal(50)
    )
    services.reverse(transaction=row)
    services.deposit(to_account=shop, amount=Decimal(5))
    assert services.withdraw(from_account=shop, amount=Decimal(5)).amount == 5


def test_the_same_id_again_gives_the_first_reversal(paid: Transaction) -> None:
    key = uuid7()
    back = services.reverse(transaction=paid, id=key)
    assert services.reverse(transaction=paid, id=key) == back
    with pytest.raises(IdempotencyConflict):
        services.reverse(transaction=paid, id=key, amount=Decimal(1))


def test_a_batch_of_reversals_counts_its_own_parts(paid: Transaction) -> None:
    part = Draft(
        from_account=paid.to_account_id,
        to_account=paid.from_account_id,
        amount=Decimal(1),
        reverses=paid,
    )
    results = services.post_batch([part] * 45, atomic=False)
    assert [type(v) for v in results] == [Transaction] * 40 + [AlreadyReversed] * 5
    with pytest.raises(AlreadyReversed, match="accounts of its original"):
        services.post_batch(
            [
                Draft(
                    from_account=paid.from_account_id,
                    to_account=paid.to_account_id,
                    amount=Decimal(1),
                    reverses=paid,
                )
            ]
        )
