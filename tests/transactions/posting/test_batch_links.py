"""A draft may capture or reverse what an earlier one of its batch books, wherever a chunk ends."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, balances
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import (
    AlreadyReversed,
    HoldNotPending,
    InsufficientFunds,
    InvalidAmount,
    LedgerError,
)
from transactions.models import Transaction
from transactions.posting import batches, insert, unit_of_work
from transactions.services import Draft

pytestmark = pytest.mark.django_db
CHUNKS = [1, 2, 3, 10_000]


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="100")
    return account


@pytest.fixture
def shop() -> Account:
    shop: Account = AccountFactory()
    return shop


def held_and_taken(account: Account, shop: Account, **taken: Any) -> list[Draft]:
    sides: dict[str, Any] = {"from_account": account, "to_account": shop}
    hold = Draft(id=uuid7(), amount=30, pending=True, **sides)
    return [hold, Draft(id=uuid7(), captures=hold.id, **{"amount": 20, **sides, **taken})]  # type: ignore[arg-type]


def paid_and_taken_back(account: Account, shop: Account, amount: int = 7) -> list[Draft]:
    paid = Draft(id=uuid7(), from_account=account, to_account=shop, amount=7)
    back = Draft(from_account=shop, to_account=account, amount=amount, reverses=paid.id)  # type: ignore[arg-type]
    return [paid, back]


def kinds(results: list[Any]) -> list[type]:
    return [type(result) for result in results]


@pytest.mark.parametrize("chunk", CHUNKS)
def test_what_is_held_and_paid_is_taken_and_given_back_in_one_batch(
    chunk: int, account: Account, shop: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", chunk)
    drafts = held_and_taken(account, shop) + paid_and_taken_back(account, shop)
    assert kinds(services.post_batch(drafts, atomic=False)) == [Transaction] * 4
    assert balances(account, shop) == [80, 20]
    assert Transaction.objects.get(pk=drafts[0].id).status == "captured"
    again = services.post_batch(drafts[:3], atomic=False)
    assert kinds(again) == [Transaction] * 3, "sent again, nothing moves"
    assert balances(account, shop) == [80, 20]
    assert audit().clean


@pytest.mark.parametrize("chunk", CHUNKS)
def test_what_may_not_be_linked_is_refused_the_same_way(
    chunk: int, account: Account, shop: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "CHUNK", chunk)
    too_much = held_and_taken(account, shop, amount=31)
    hold, capture = held_and_taken(account, shop)
    twice = Draft(from_account=account, to_account=shop, amount=1, captures=hold.id)  # type: ignore[arg-type]
    never = [
        Draft(id=uuid7(), from_account=account, amount=1000),
        Draft(to_account=account, amount=1000),
    ]
    drafts = [
        *too_much,
        capture, hold, capture, twice,
        *paid_and_taken_back(account, shop, 8),
        never[0], Draft(to_account=account, amount=1000, reverses=never[0].id),  # type: ignore[arg-type]
    ]  # fmt: skip
    results = services.post_batch(drafts, atomic=False)
    assert kinds(results) == [
        Transaction, InvalidAmount,
        HoldNotPending, Transaction, Transaction, HoldNotPending,
        Transaction, AlreadyReversed,
        InsufficientFunds, AlreadyReversed,
    ]  # fmt: skip
    assert "captured before" in str(results[5])
    assert audit().clean


def test_a_refund_of_a_hold_that_the_same_batch_captured_names_the_capture(
    account: Account, shop: Account
) -> None:
    hold, capture = held_and_taken(account, shop)
    refund = Draft(from_account=shop, to_account=account, amount=1, reverses=hold.id)  # type: ignore[arg-type]
    refusal = services.post_batch([hold, capture, refund], atomic=False)[2]
    assert "Refund the payment that captured it instead" in str(refusal)


def test_of_a_batch_that_stands_or_falls_together_nothing_stays(
    account: Account, shop: Account
) -> None:
    drafts = [*held_and_taken(account, shop), Draft(from_account=account, amount=1000)]
    with pytest.raises(InsufficientFunds):
        services.post_batch(drafts)
    assert balances(account, shop) == [100, 0]
    assert not Transaction.objects.filter(from_account=account).exists()


@pytest.mark.parametrize("atomic", [True, False])
def test_many_holds_and_then_their_captures_are_written_in_two_goes(
    atomic: bool, shop: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    rich, written = AccountFactory(balance="10000"), list[int]()
    write = insert.write

    def counted(items: Any, at_most: int) -> None:
        written.append(at_most)
        write(items, at_most)

    monkeypatch.setattr(insert, "write", counted)
    pairs = [held_and_taken(rich, shop) for _ in range(40)]
    drafts = [hold for hold, _ in pairs] + [capture for _, capture in pairs]
    results = services.post_batch(drafts, atomic=atomic)
    assert not [result for result in results if isinstance(result, LedgerError)]
    assert written == [40, 40]
    assert balances(rich, shop) == [10000 - 800, 800]
    assert audit().clean


def test_an_id_used_for_something_else_before_is_told_apart_in_any_stretch(
    account: Account, shop: Account
) -> None:
    hold, capture = held_and_taken(account, shop)
    other = Draft(id=hold.id, from_account=account, amount=Decimal(1))
    results = services.post_batch([hold, capture, other], atomic=False)
    assert kinds(results)[:2] == [Transaction] * 2
    assert isinstance(results[2], LedgerError)
    assert "already been used" in str(results[2])


def test_a_chunk_ends_after_some_links_to_its_own_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a write of its own, and slows the next one of the same transaction down."""
    account = AccountFactory(balance="100")
    chunks: list[int] = []
    run = unit_of_work.run

    def counted(work: Any, items: Any) -> Any:
        chunks.append(len(items))
        return run(work, items)

    monkeypatch.setattr(batches, "LINKS", 2)
    monkeypatch.setattr(unit_of_work, "run", counted)
    drafts: list[Draft] = []
    for _ in range(5):
        hold = Draft(id=uuid7(), from_account=account, amount=Decimal(3), pending=True)
        drafts += [hold, Draft(from_account=account, amount=Decimal(3), captures=hold.id)]  # type: ignore[arg-type]
    results = services.post_batch(drafts, atomic=False)
    assert chunks == [5, 5]
    assert [row.status for row in results if isinstance(row, Transaction)].count("completed") == 5
    assert balances(account) == [85]
    assert audit().clean
