"""Real threads, real connections, real commits; every test ends with the audit."""

from collections.abc import Callable
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import Error, InternalError, OperationalError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.db.retry import Failure, failure_of, run_with_retry
from ledger.db.snapshot import snapshot
from tests.factories import AccountFactory, hold_that_ended, walls_down
from tests.transactions.posting.shared import at_once
from transactions import services
from transactions.audit.audit import CHECKS, Audit, audit
from transactions.exceptions import (
    AlreadyReversed,
    HoldNotPending,
    IdempotencyConflict,
    InsufficientFunds,
    LedgerError,
)
from transactions.models import Transaction
from transactions.posting import engine, locked_accounts, single_statement, unit_of_work
from transactions.posting.checks import check
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


def balance(account: Account) -> Decimal:
    account.refresh_from_db()
    stored: Decimal = account.balance
    return stored


@pytest.fixture
def no_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost race fails the test, where the services would quietly try it again. A lost connection
    does not: pgbouncer may give out one that an earlier test has ended.
    """

    def run(work: Callable[[], Any], **options: Any) -> Any:
        def one_try() -> Any:
            try:
                return work()
            except Error as error:
                if failure_of(error) is Failure.LOST_RACE:
                    pytest.fail(str(error))
                raise

        return run_with_retry(one_try, **options)

    monkeypatch.setattr(unit_of_work, "run_with_retry", run)


@pytest.mark.usefixtures("no_second_try")
def test_opposite_transfers_500_times_each_neither_deadlock_nor_lose_a_cent() -> None:
    a, b = AccountFactory(balance="100"), AccountFactory(balance="100")

    def send(sender: Account, recipient: Account) -> Callable[[], None]:
        def work() -> None:
            for _ in range(500):
                services.transfer(from_account=sender, to_account=recipient, amount=Decimal("0.01"))

        return work

    at_once(send(a, b), send(b, a))
    assert (balance(a), balance(b)) == (100, 100)
    assert Transaction.objects.filter(type="transfer").count() == 1000
    assert audit().clean


def lock_in_the_order_given(sender: Account, recipient: Account, met: Barrier) -> None:
    """The textbook transfer: lock the sender, then the recipient."""
    with db_transaction.atomic():
        Account.objects.select_for_update().get(pk=sender.pk)
        met.wait(timeout=30)
        Account.objects.select_for_update().get(pk=recipient.pk)


def test_without_one_order_of_locks_opposite_transfers_do_deadlock() -> None:
    """The control: what `Account.objects.locked` saves us from really happens."""
    a, b, met = AccountFactory(), AccountFactory(), Barrier(2)

    def attempt(sender: Account, recipient: Account) -> Callable[[], str]:
        def work() -> str:
            try:
                lock_in_the_order_given(sender, recipient, met)
            except OperationalError as error:
                return getattr(error.__cause__, "sqlstate", "") or ""
            return "done"

        return work

    assert sorted(at_once(attempt(a, b), attempt(b, a))) == ["40P01", "done"]


@pytest.mark.usefixtures("step_by_step")
def test_a_lost_race_is_run_again_whole_and_moves_once(monkeypatch: pytest.MonkeyPatch) -> None:
    account, tries = AccountFactory(), []
    post_one = engine.post_one

    def losing_twice(item: Any) -> Any:
        row = post_one(item)
        tries.append(item.id)
        if len(tries) < 3:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '40P01'; END $$")
        return row

    monkeypatch.setattr(engine, "post_one", losing_twice)
    row = services.deposit(to_account=account, amount=Decimal(1))
    assert tries == [row.pk] * 3
    assert balance(account) == 1
    assert Transaction.objects.count() == 1


def test_a_full_balance_is_spent_once_however_many_try(path: str) -> None:
    account, shop = AccountFactory(balance="50"), AccountFactory()

    def spend() -> str:
        try:
            services.transfer(from_account=account, to_account=shop, amount=Decimal(50))
        except InsufficientFunds:
            return "refused"
        return "paid"

    results = at_once(*[spend] * 50)
    assert sorted(results) == ["paid", *["refused"] * 49]
    assert single_statement.paths[path] >= 1
    assert (balance(account), balance(shop)) == (0, 50)
    assert audit().clean


@pytest.mark.usefixtures("step_by_step")
def test_with_the_locking_taken_out_the_database_is_the_one_that_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: both spenders read the full balance, so the lock is what tells them apart."""
    account, shop = AccountFactory(balance="50"), AccountFactory()
    locking, both_have_read = locked_accounts._lock_sql(False, False), Barrier(2)
    monkeypatch.setattr(
        locked_accounts, "_lock_sql", lambda *_: locking.replace("FOR NO KEY UPDATE", "")
    )

    def check_together(*arguments: Any) -> None:
        check(*arguments)
        both_have_read.wait(timeout=30)

    monkeypatch.setattr(engine, "check", check_together)

    def spend() -> str:
        try:
            services.transfer(from_account=account, to_account=shop, amount=Decimal(50))
        except LedgerError as refusal:
            return type(refusal).__name__
        return "paid"

    assert sorted(at_once(spend, spend)) == ["RefusedByDatabase", "paid"]
    assert (balance(account), balance(shop)) == (0, 50)
    assert audit().clean


def test_without_lock_and_trigger_money_is_spent_twice() -> None:
    """Shows that the test above can fail: no lock, no constraints, no triggers."""
    account, both_have_read = AccountFactory(balance="50"), Barrier(2)

    def spend() -> None:
        mine = Account.objects.get(pk=account.pk)
        assert mine.balance == 50
        both_have_read.wait(timeout=30)
        mine.balance -= 50
        mine.save(update_fields=["balance"])

    with walls_down("accounts"):
        at_once(spend, spend)
    assert balance(account) == 0, "a hundred was spent of fifty"


def test_one_id_sent_by_many_at_once_makes_one_row_and_equal_answers(path: str) -> None:
    account, shop, key = AccountFactory(balance="50"), AccountFactory(), uuid7()

    def pay() -> Transaction:
        return services.transfer(from_account=account, to_account=shop, amount=Decimal(50), id=key)

    answers = at_once(*[pay] * 50)
    assert len(answers) == 50
    assert {answer.pk for answer in answers} == {key}
    assert {answer.created_at for answer in answers} == {Transaction.objects.get(pk=key).created_at}
    assert (balance(account), balance(shop)) == (0, 50)
    assert audit().clean


def test_a_hold_is_captured_or_voided_once_however_many_try() -> None:
    account, shop = AccountFactory(balance="50"), AccountFactory()
    hold = services.hold(from_account=account, to_account=shop, amount=Decimal(50))

    def attempt(end: Callable[[], Any]) -> Callable[[], str]:
        def work() -> str:
            try:
                end()
            except HoldNotPending:
                return "refused"
            return "done"

        return work

    captures = [attempt(lambda: services.capture(hold=hold, amount=Decimal(20)))] * 6
    releases = [attempt(lambda: services.expire_holds(now=timezone.now()))] * 2
    results = at_once(*captures, *releases)
    assert results[:6].count("done") == 1
    account.refresh_from_db()
    assert (account.balance, account.held) == (30, 0)
    assert balance(shop) == 20
    assert audit().clean


def test_holds_expire_once_by_two_runs_at_once() -> None:
    accounts = [AccountFactory(balance="50") for _ in range(12)]
    for account in accounts:
        for _ in range(3):
            hold_that_ended(account, Decimal(10))
    released = at_once(*[services.expire_holds] * 4)
    assert sum(released) + services.expire_holds() == 36
    assert not Account.objects.filter(held__gt=0).exists()
    assert audit().clean


def test_parts_of_a_reversal_at_once_never_exceed_the_original() -> None:
    a, b = AccountFactory(balance="50"), AccountFactory(balance="50")
    row = services.transfer(from_account=a, to_account=b, amount=Decimal(30))

    def part() -> str:
        try:
            services.reverse(transaction=row, amount=Decimal(10))
        except AlreadyReversed:
            return "refused"
        return "done"

    results = at_once(*[part] * 8)
    assert sorted(results) == ["done"] * 3 + ["refused"] * 5
    assert (balance(a), balance(b)) == (50, 50)
    assert audit().clean


def test_one_id_for_two_pairs_of_accounts_books_one_of_them() -> None:
    """No lock in common: only the primary key can decide."""
    key = uuid7()

    def pay(sender: Account, recipient: Account) -> Callable[[], Any]:
        def work() -> Any:
            try:
                return services.transfer(
                    from_account=sender, to_account=recipient, amount=Decimal(1), id=key
                )
            except LedgerError as refusal:
                return type(refusal)

        return work

    pairs = [(AccountFactory(balance="5"), AccountFactory()) for _ in range(4)]
    results = at_once(*[pay(*pair) for pair in pairs])
    assert results.count(IdempotencyConflict) == 3
    assert Transaction.objects.filter(type="transfer").count() == 1
    assert audit().clean


@pytest.mark.usefixtures("no_second_try")
def test_batches_over_the_same_accounts_in_any_order_do_not_deadlock() -> None:
    accounts = [AccountFactory(balance="1000") for _ in range(6)]

    def batch(turn: int) -> Callable[[], Any]:
        order = accounts[turn:] + accounts[:turn]
        drafts = [
            Draft(from_account=sender, to_account=recipient, amount=Decimal("0.25"))
            for sender, recipient in zip(order, order[1:] + order[:1], strict=True)
        ] * 5
        return lambda: [services.post_batch(drafts) for _ in range(5)]

    at_once(*[batch(turn) for turn in range(4)])
    assert Transaction.objects.filter(type="transfer").count() == 4 * 5 * 30
    assert sum(balance(account) for account in accounts) == 6000
    assert audit().clean


def test_a_snapshot_sees_one_instant_whatever_is_committed_meanwhile() -> None:
    account = AccountFactory(balance="100")

    def deposit() -> None:
        services.deposit(to_account=account, amount=Decimal(1))

    with snapshot():
        before = balance(account)
        at_once(deposit)
        assert balance(account) == before == 100
        assert audit_inside().clean
    assert balance(account) == 101


def audit_inside() -> Audit:
    """The checks of the audit, within the snapshot that is open already."""
    return Audit(findings=[finding for check in CHECKS for finding in check()])


def test_a_snapshot_cannot_write() -> None:
    account = AccountFactory()
    with pytest.raises(InternalError, match="read-only"), snapshot():
        Account.objects.filter(pk=account.pk).update(name="Other")


def test_the_audit_sees_one_instant_while_money_moves() -> None:
    a, b = AccountFactory(balance="100"), AccountFactory(balance="100")

    def move() -> bool:
        for _ in range(60):
            services.transfer(from_account=a, to_account=b, amount=Decimal(1))
            services.transfer(from_account=b, to_account=a, amount=Decimal(1))
        return True

    def watch() -> bool:
        return all(audit().clean for _ in range(12))

    assert at_once(move, watch) == [True, True]
