"""Many movements at once: in order, all or nothing or a result each, split where it must."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError

from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.db.retry import TRIES, Failure, failure_of
from tests.factories import AccountFactory, UserFactory, balances, insert_row
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import (
    IdempotencyConflict,
    InsufficientFunds,
    InvalidAmount,
    InvalidDetails,
    LedgerError,
    LimitExceeded,
)
from transactions.models import Transaction
from transactions.posting import insert, unit_of_work
from transactions.services import Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused_by_database(monkeypatch: pytest.MonkeyPatch) -> Callable[[Account], Draft]:
    """Makes drafts that only Postgres refuses, by looking away in Python."""
    monkeypatch.setattr("transactions.posting.validation.METADATA_LIMIT", 10**6)
    return lambda account: Draft(
        to_account=account, amount=Decimal(1), metadata={"a": "x" * 17_000}
    )


def batch_of(count: int, account: Account, **kwargs: Any) -> list[Draft]:
    return [
        Draft(
            to_account=account,
            amount=Decimal(n + 1),
            description=f"Row {n}\t\\",
            reference=f"\\N {n}\n\r",
            metadata={"tab\t": "back\\slash\n"},
            **kwargs,
        )
        for n in range(count)
    ]


def test_the_daily_limit_is_counted_right_where_a_batch_is_split(
    refused_by_database: Callable[[Account], Draft],
) -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    drafts = [Draft(from_account=account, amount=Decimal(60)) for _ in range(2)]
    drafts.insert(1, refused_by_database(account))
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [Transaction, InvalidDetails, LimitExceeded]


@pytest.mark.parametrize("count", [1, 2, insert.COPY_FROM, 300])
def test_a_batch_of_any_size_books_rows_in_order(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, written = AccountFactory(), []
    write = insert.write

    def counted(items: Any, at_most: int) -> None:
        items = list(items)
        written.append(len(items))
        write(items, at_most)

    monkeypatch.setattr(insert, "write", counted)
    results = services.post_batch(batch_of(count, account))
    assert written == [count], "in one go: a row that COPY misreads would split the batch"
    stored = Transaction.objects.filter(to_account=account).order_by("created_at")
    assert list(stored) == results
    assert [row.description for row in stored] == [f"Row {n}\t\\" for n in range(count)]
    assert [row.reference for row in stored] == [f"\\N {n}\n\r" for n in range(count)]
    assert {row.metadata["tab\t"] for row in stored} == {"back\\slash\n"}
    assert balances(account) == [count * (count + 1) // 2]
    assert audit().clean


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "a\rb", "a\\b", "\\.", "\\N", "", "\u00fc\u2028"])
def test_text_that_means_something_to_copy_is_stored_as_it_is(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = AccountFactory()
    monkeypatch.setattr(insert, "_insert", lambda _: pytest.fail("the batch was split"))
    drafts = [Draft(to_account=account, amount=1, description=text, reference=text)] * 25
    services.post_batch(drafts)
    stored = Transaction.objects.filter(to_account=account)
    assert {(row.description, row.reference) for row in stored} == {(text, text)}


def test_a_daily_limit_is_asked_of_the_database_while_a_large_batch_is_written() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(25))
    services.withdraw(from_account=account, amount=Decimal(5))
    drafts = [Draft(from_account=account, amount=Decimal(1)) for _ in range(30)]
    results = services.post_batch(drafts, atomic=False)
    assert [type(v) for v in results] == [Transaction] * 20 + [LimitExceeded] * 10
    assert audit().clean


def test_an_atomic_batch_is_all_or_nothing() -> None:
    account, poor = AccountFactory(), AccountFactory()
    drafts = batch_of(30, account)
    drafts.insert(10, Draft(from_account=poor, amount=Decimal(1)))
    drafts.insert(20, Draft(to_account=uuid7(), amount=Decimal(1)))
    with pytest.raises(InsufficientFunds):
        services.post_batch(drafts)
    assert not Transaction.objects.exists()
    assert balances(account) == [0]


def test_a_batch_that_is_not_atomic_gives_a_result_each() -> None:
    account, poor = AccountFactory(), AccountFactory()
    drafts = [
        Draft(to_account=account, amount=Decimal(5)),
        Draft(from_account=poor, to_account=account, amount=Decimal(1)),
        Draft(to_account=account, amount=Decimal("-1")),
        Draft(to_account=poor, amount=Decimal(1)),
        Draft(from_account=poor, to_account=account, amount=Decimal(1)),
    ]
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [
        Transaction,
        InsufficientFunds,
        InvalidAmount,
        Transaction,
        Transaction,
    ]
    assert balances(account, poor) == [6, 0]
    assert audit().clean


def test_an_id_twice_in_a_batch_is_booked_once() -> None:
    account, key = AccountFactory(), uuid7()
    one = Draft(to_account=account, amount=Decimal(5), id=key)
    results = services.post_batch([one, one, replace(one, amount=Decimal(6))], atomic=False)
    assert results[0] == results[1]
    assert isinstance(results[2], IdempotencyConflict)
    assert balances(account) == [5]


def test_a_batch_sent_again_moves_nothing() -> None:
    account = AccountFactory()
    drafts = [replace(draft, id=uuid7()) for draft in batch_of(50, account)]
    assert services.post_batch(drafts) == services.post_batch(drafts)
    assert Transaction.objects.count() == 50
    assert services.post_batch([]) == []


@pytest.mark.parametrize("guilty", [0, 17, 49])
def test_a_row_only_the_database_refuses_is_found_and_the_rest_is_booked(
    guilty: int, refused_by_database: Callable[[Account], Draft]
) -> None:
    """The batch is split to it; see `refused_by_database`."""
    account = AccountFactory()
    drafts = batch_of(50, account)
    drafts[guilty] = refused_by_database(account)
    results = services.post_batch(drafts, atomic=False)
    bad = [n for n, result in enumerate(results) if isinstance(result, LedgerError)]
    assert bad == [guilty]
    assert isinstance(results[guilty], InvalidDetails)
    assert balances(account) == [50 * 51 // 2 - (guilty + 1)]
    assert audit().clean
    with pytest.raises(InvalidDetails, match="16 KiB"):
        services.post_batch([replace(draft, id=None) for draft in drafts])
    assert Transaction.objects.count() == 49


@pytest.mark.parametrize("atomic", [True, False])
def test_a_batch_of_one_that_only_the_database_refuses_gets_its_result(
    atomic: bool, refused_by_database: Callable[[Account], Draft]
) -> None:
    drafts = [refused_by_database(AccountFactory())]
    if atomic:
        with pytest.raises(InvalidDetails):
            services.post_batch(drafts)
    else:
        (result,) = services.post_batch(drafts, atomic=False)
        assert isinstance(result, InvalidDetails)


def test_no_account_holds_more_than_the_column_can() -> None:
    a, b = AccountFactory(currency="JPY"), AccountFactory(currency="JPY")
    most = Decimal("999999999999999")
    services.deposit(to_account=a, amount=most)
    services.deposit(to_account=b, amount=most)
    with pytest.raises(InvalidAmount, match="above 999,999,999,999,999"):
        services.transfer(from_account=a, to_account=b, amount=Decimal(1))
    assert balances(a, b) == [most, most]
    assert audit().clean


def test_an_id_twice_is_booked_once_where_a_batch_is_split(
    refused_by_database: Callable[[Account], Draft],
) -> None:
    account, key = AccountFactory(), uuid7()
    one = Draft(to_account=account, amount=Decimal(5), id=key)
    drafts = [one, refused_by_database(account), one, replace(one, amount=Decimal(6))]
    results = services.post_batch(drafts, atomic=False)
    assert results[0] == results[2]
    assert [type(v) for v in results[1::2]] == [InvalidDetails, IdempotencyConflict]
    assert balances(account) == [5]


def test_a_hold_of_the_same_content_is_not_the_payment() -> None:
    account, key = AccountFactory(balance="20"), uuid7()
    insert_row(id=key, type="withdrawal", status="pending", from_account_id=account.pk, amount="10")
    with pytest.raises(IdempotencyConflict):
        services.withdraw(from_account=account, amount=Decimal(10), id=key)


def test_an_id_taken_between_look_up_and_insert_is_still_a_conflict(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race of two senders with one id and different accounts, played by a blind look-up."""
    account, other, key = AccountFactory(), AccountFactory(), uuid7()
    services.deposit(to_account=other, amount=Decimal(1), id=key)
    look_up, asked = insert.find, []

    def blind_at_first(ids: Any) -> Any:
        asked.append(ids)
        return {} if len(asked) == 1 else look_up(ids)

    monkeypatch.setattr(insert, "find", blind_at_first)
    drafts = batch_of(30, account)
    drafts[4] = replace(drafts[4], id=key)
    results = services.post_batch(drafts, atomic=False)
    assert [n for n, v in enumerate(results) if isinstance(v, IdempotencyConflict)] == [4]
    assert Transaction.objects.filter(to_account=account).count() == 29


def test_integrity_errors_that_are_not_refusals_escape() -> None:
    def failing() -> None:
        raise IntegrityError("without a cause")

    with pytest.raises(IntegrityError):
        unit_of_work.run(failing)


def test_whoever_books_a_batch_row_is_a_person_of_the_bank() -> None:
    """Decided for the whole batch at once: a storm of such rows splits nothing."""
    account, staff = AccountFactory(), UserFactory()
    drafts = batch_of(40, account, created_by=staff)
    drafts[7] = replace(drafts[7], created_by=uuid7())
    results = services.post_batch(drafts, atomic=False)
    bad = [n for n, result in enumerate(results) if isinstance(result, LedgerError)]
    assert bad == [7]
    assert Transaction.objects.filter(created_by=staff).count() == 39


def test_an_account_with_a_great_overdraft_still_says_what_is_too_much() -> None:
    account = AccountFactory()
    Account.objects.filter(pk=account.pk).update(overdraft_limit=Decimal("999999999999999.99"))
    with pytest.raises(InvalidAmount, match="would be above"):
        services.deposit(to_account=account, amount=Decimal("0.01"))


@pytest.mark.parametrize("count", [5, 50])  # one statement, and COPY
def test_ids_that_others_book_meanwhile_let_the_accounts_go(
    transactional_db: None,
    count: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The whole is tried again. To find each such id by halves would keep the accounts locked, of
    people who are paid too, for as long as somebody books more of the ids.
    """
    account, other = AccountFactory(), AccountFactory()
    drafts = [replace(draft, id=uuid7()) for draft in batch_of(count, account)]
    services.post_batch([replace(draft, to_account=other) for draft in drafts[1:4]])
    look_up, write = insert.find, insert.write
    asked, written = list[Any](), list[int]()

    def blind_in_each_try(ids: Any) -> Any:
        asked.append(ids)
        return {} if len(asked) % 2 else look_up(ids)

    def counted(items: Any, at_most: int) -> None:
        written.append(at_most)
        write(items, at_most)

    monkeypatch.setattr(insert, "find", blind_in_each_try)
    monkeypatch.setattr(insert, "write", counted)
    with pytest.raises(OperationalError) as lost:
        services.post_batch(drafts)
    assert failure_of(lost.value) is Failure.LOST_RACE
    assert written == [count] * TRIES
    assert not account.received.exists()
    assert not caplog.records  # no rule of the books was broken
