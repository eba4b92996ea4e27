"""No row enters a sealed period, whoever comes first: real threads, real commits."""

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from threading import Event
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.db import transaction as db_transaction
from django.db.models import Sum

from accounts.models import Account
from ledger.db.local_settings import set_locally
from tests.factories import AccountFactory, insert_row
from tests.transactions.audit.sealed_books import book, day
from tests.transactions.posting.shared import at_once
from transactions import services
from transactions.audit import sealing
from transactions.audit.audit import audit
from transactions.audit.sealing import StillWriting, midnight, seal
from transactions.exceptions import InvalidDetails
from transactions.models import Seal, Transaction
from transactions.models.seal import SealedTransaction
from transactions.models.seal_triggers import SEALED_PERIOD_IS_CLOSED, SEALING

pytestmark = pytest.mark.django_db(transaction=True)
LONG = 30


def insert_first_deposit(account: Account) -> None:
    """A deposit on 1 March."""
    insert_row(type="deposit", to_account_id=account.pk, created_at="2026-03-01T08:00Z")


def somebody_waits_for_the_seals() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = %s "
            "AND NOT granted)",
            [SEALING],
        )
        return bool(cursor.fetchone()[0])


@pytest.fixture
def in_the_middle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Does something after sealing has taken its lock and before it reads a row."""

    def install(work: Callable[[], Any]) -> None:
        def pausing(**values: str) -> None:
            work()
            set_locally(**values)

        monkeypatch.setattr(sealing, "set_locally", pausing)

    return install


@pytest.fixture
def wall_asleep() -> Iterator[None]:
    """Rows are written as if they had been young when they were: nobody asks about the seals."""
    wall, books = SEALED_PERIOD_IS_CLOSED, SealedTransaction()  # a model, to pgtrigger's types
    wall.disable(books)
    yield
    wall.enable(books)


def write_and_close(written: Event, waited: Event) -> list[Any]:
    """A transaction that wrote a row and stays open until sealing has waited for it."""
    account = AccountFactory()

    def write() -> None:
        with db_transaction.atomic():
            insert_first_deposit(account)
            written.set()
            assert waited.wait(LONG)

    def close() -> Seal | None:
        assert written.wait(LONG)
        return seal(until=day(2), sleep=lambda _seconds: waited.set())

    return at_once(write, close)


def test_sealing_waits_for_an_old_row_that_is_being_written() -> None:
    _, sealed = write_and_close(Event(), Event())
    assert sealed.row_count == 1
    assert audit().clean


def test_sealing_waits_for_a_row_that_was_young_when_it_was_written(wall_asleep: None) -> None:
    _, sealed = write_and_close(Event(), Event())
    assert sealed.row_count == 1
    assert audit().clean


def test_sealing_gives_up_where_a_transaction_stays_open(
    wall_asleep: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "PATIENCE", -1)
    account, written, refused = AccountFactory(), Event(), Event()

    def write() -> None:
        with db_transaction.atomic():
            insert_first_deposit(account)
            written.set()
            assert refused.wait(LONG)

    def close() -> None:
        assert written.wait(LONG)
        with pytest.raises(StillWriting, match="Nothing was sealed"):
            seal(until=day(2))
        refused.set()

    at_once(write, close)
    assert not Seal.objects.exists()


def test_while_a_period_is_sealed_an_old_row_waits_and_a_payment_of_today_does_not(
    in_the_middle: Any,
) -> None:
    old, today, closing, paid = AccountFactory(), AccountFactory(balance=1), Event(), Event()

    def middle() -> None:
        closing.set()
        assert paid.wait(LONG)
        deadline = time.monotonic() + LONG
        while not somebody_waits_for_the_seals():
            assert time.monotonic() < deadline, "the old row did not wait"

    def pay() -> Transaction:
        assert closing.wait(LONG)
        row = services.deposit(to_account=today, amount=Decimal(5))
        paid.set()
        return row

    def write() -> str:
        assert closing.wait(LONG)
        with pytest.raises(InvalidDetails, match="That day is sealed"):
            book(old, 1)
        return "refused"

    in_the_middle(middle)
    sealed, row, result = at_once(lambda: seal(until=day(2)), pay, write)
    assert (sealed.row_count, row.amount, result) == (0, 5, "refused")
    assert audit().clean


def test_without_the_lock_of_the_seals_an_old_row_would_slip_in(
    in_the_middle: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: what the lock keeps out really happens without it, and the audit sees it."""
    AccountFactory(balance=1)  # a bank without transactions is not sealed
    account, closing, written, closed = AccountFactory(), Event(), Event(), Event()
    monkeypatch.setattr(sealing, "SEALING", SEALING + 100)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE seals DISABLE TRIGGER USER")  # which takes the lock as well

    def middle() -> None:
        closing.set()
        assert written.wait(LONG)

    def close() -> None:
        seal(until=day(2))
        closed.set()

    def write() -> None:
        assert closing.wait(LONG)
        with db_transaction.atomic():
            insert_first_deposit(account)
            written.set()
            assert closed.wait(LONG)

    in_the_middle(middle)
    at_once(close, write)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE seals ENABLE TRIGGER USER")
    (finding,) = audit().findings
    assert (finding.check, finding.found) == ("seal", "a row that was not there then")


@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_transaction_that_cannot_see_the_newest_seal_books_nothing_old(level: str) -> None:
    account = AccountFactory()
    with db_transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {level}")
        with pytest.raises(IntegrityError) as refused, db_transaction.atomic():
            insert_first_deposit(account)
    cause: Any = refused.value.__cause__
    assert cause.diag.constraint_name == "old_row_reads_committed"


def test_two_who_seal_at_once_make_one_seal() -> None:
    book(AccountFactory(), 1)
    made = at_once(*[lambda: seal(until=day(3))] * 4)
    assert [made.count(None), Seal.objects.count()] == [3, 1]
    assert audit().clean


def test_every_row_that_was_let_in_is_in_its_seal_however_they_race() -> None:
    AccountFactory(balance=1)
    accounts = [AccountFactory() for _ in range(3)]

    def write(account: Account) -> int:
        refused = 0
        for number in range(1, 11):
            for hour in (0, 12, 23):
                try:
                    book(account, number, hour)
                except InvalidDetails:
                    refused += 1
        return refused

    def close() -> int:
        return sum(seal(until=day(number)) is not None for number in range(2, 11))

    *refused, sealed = at_once(*[lambda a=a: write(a) for a in accounts], close)
    assert sealed == 9
    assert Transaction.objects.count() == 1 + 90 - sum(refused)
    inside = Transaction.objects.filter(created_at__lt=midnight(day(10))).count()
    assert Seal.objects.aggregate(rows=Sum("row_count"))["rows"] == inside
    assert audit().clean
