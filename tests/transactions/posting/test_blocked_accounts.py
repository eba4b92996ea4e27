"""After a lock timeout, payments of the same accounts do not wait until one gets the locks."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from accounts.exceptions import AccountNotFound
from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.db.queries.work import watched
from ledger.db.retry import LOCK_TIMED_OUT, sqlstate
from tests.api.calls import TRANSACTIONS, bearer, body, post
from tests.factories import AccountFactory
from tests.pooler import beside, limited_to
from transactions import services
from transactions.models import Transaction
from transactions.posting import blocked_accounts
from transactions.posting.batches import BatchInterrupted, post_batch, post_together
from transactions.posting.drafts import Draft

ONE, TWO, THREE = uuid7(), uuid7(), uuid7()


@pytest.fixture(autouse=True)
def nothing_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked_accounts, "_timed_out", {})


class TestWithoutDatabase:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [100.0]
        monkeypatch.setattr(blocked_accounts, "monotonic", lambda: now[0])
        return now

    def test_accounts_are_remembered_for_some_seconds(self, clock: list[float]) -> None:
        blocked_accounts.remember([ONE, TWO], waited=True)
        assert blocked_accounts.has_one_of([THREE, ONE])
        assert not blocked_accounts.has_one_of([THREE])
        clock[0] += blocked_accounts.SECONDS
        assert not blocked_accounts.has_one_of([ONE, TWO])

    def test_another_timeout_begins_the_time_again(self, clock: list[float]) -> None:
        blocked_accounts.remember([ONE], waited=True)
        clock[0] += blocked_accounts.SECONDS - 1
        blocked_accounts.remember([ONE], waited=True)
        clock[0] += blocked_accounts.SECONDS - 1
        assert blocked_accounts.has_one_of([ONE])

    def test_a_refusal_without_a_wait_adds_no_account(self, clock: list[float]) -> None:
        blocked_accounts.remember([ONE], waited=True)
        clock[0] += blocked_accounts.SECONDS - 1
        blocked_accounts.remember([ONE, TWO], waited=False)
        clock[0] += blocked_accounts.SECONDS - 1
        assert blocked_accounts.has_one_of([ONE])
        assert not blocked_accounts.has_one_of([TWO])
        clock[0] += 2
        blocked_accounts.remember([ONE], waited=False)
        assert not blocked_accounts.has_one_of([ONE])

    def test_a_process_remembers_the_newest_of_a_limited_number(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blocked_accounts, "MAX_ACCOUNTS", 2)
        for account in (ONE, TWO, ONE, THREE):
            blocked_accounts.remember([account], waited=True)
        assert [*blocked_accounts._timed_out] == [ONE, THREE]


Locked = tuple[Account, Account, Any]


@pytest.fixture
def locked(transactional_db: None) -> Iterator[Locked]:
    """A payer, a payee whose row another session has locked, and this session."""
    payer, payee = AccountFactory(), AccountFactory()
    services.deposit(to_account=payer, amount=Decimal(100))
    with beside() as session, session.transaction(), limited_to(lock_timeout=0.05):
        session.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", [payee.pk])
        yield payer, payee, session


def draft_of(payer: Account, payee: Account) -> Draft:
    return Draft(id=uuid7(), from_account=payer, to_account=payee, amount=1)


WAYS: dict[str, Callable[[Draft], object]] = {
    "one statement": services.book,
    "step by step": lambda draft: services.book(draft, write_also=lambda _row: None),
    "preview": services.preview,
}
BATCHES: dict[str, Callable[[Draft], object]] = {
    "batch": lambda draft: post_batch([draft], atomic=False),
    "together": lambda draft: post_together(lambda: [draft], lambda _part, _results: None),
}


def statements_of(way: Callable[[Any], object], draft: Draft | None) -> list[str]:
    """Returns the locking statements of a payment that ends with a lock timeout."""
    with watched() as work, pytest.raises(OperationalError) as error:
        way(draft)
    assert sqlstate(error.value) == LOCK_TIMED_OUT
    return [query.sql for query in work.queries if "FOR NO KEY UPDATE" in query.sql]


@pytest.mark.own_session
@pytest.mark.parametrize("name", WAYS)
def test_a_payment_after_a_lock_timeout_does_not_wait(name: str, locked: Locked) -> None:
    payer, payee, session = locked
    first, second = (statements_of(WAYS[name], draft_of(payer, payee)) for _ in range(2))
    assert "NOWAIT" not in first[-1]
    assert "NOWAIT" in second[-1]
    session.execute("ROLLBACK")
    WAYS[name](draft_of(payer, payee))
    assert blocked_accounts.has_one_of([payer.pk]) == (name == "preview")


@pytest.mark.own_session
@pytest.mark.parametrize("name", BATCHES)
def test_a_batch_waits(name: str, locked: Locked) -> None:
    payer, payee, _session = locked
    draft = draft_of(payer, payee)
    statements_of(services.book, draft_of(payer, payee))
    with watched() as work, pytest.raises((OperationalError, BatchInterrupted)):
        BATCHES[name](draft)
    locks = [query.sql for query in work.queries if "FOR NO KEY UPDATE" in query.sql]
    assert locks
    assert not [sql for sql in locks if "NOWAIT" in sql]


@pytest.mark.own_session
def test_a_void_after_a_lock_timeout_does_not_wait(locked: Locked) -> None:
    payer, _payee, session = locked
    hold = services.hold(from_account=payer, amount=Decimal(5))
    session.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", [payer.pk])
    first, second = (statements_of(lambda _: services.void(hold=hold), None) for _ in range(2))
    assert "NOWAIT" not in first[-1]
    assert "NOWAIT" in second[-1]


@pytest.mark.own_session
def test_a_payment_that_is_refused_before_it_locks_forgets_nothing(locked: Locked) -> None:
    payer, payee, _session = locked
    statements_of(services.book, draft_of(payer, payee))
    stranger = AccountFactory()
    with pytest.raises(AccountNotFound):
        services.book_once(draft_of(stranger, payee), payer=payer.user_id)
    assert blocked_accounts.has_one_of([payee.pk])


@pytest.mark.own_session
def test_the_payer_pays_others_while_the_payee_is_locked(locked: Locked) -> None:
    """The lock timeout does not show which account is locked."""
    payer, payee, _session = locked
    statements_of(services.book, draft_of(payer, payee))
    row = services.book(draft_of(payer, AccountFactory()))
    assert row.status == Transaction.Status.COMPLETED
    assert not blocked_accounts.has_one_of([payer.pk])
    assert blocked_accounts.has_one_of([payee.pk])


@pytest.mark.own_session
def test_the_api_answers_that_the_account_is_busy(locked: Locked) -> None:
    payer, payee, session = locked
    header = bearer(payer.user, "pay")

    def status(key: str) -> int:
        answer = post(Client(), TRANSACTIONS, body(payer, payee), Idempotency_Key=key, **header)
        assert answer.status_code == 201 or answer["Retry-After"]
        return int(answer.status_code)

    assert [status("one"), status("two")] == [409, 409]
    session.execute("ROLLBACK")
    assert status("two") == 201
