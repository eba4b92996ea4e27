"""After a lock timeout, payments of the same accounts do not wait until one gets the locks."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client

from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.db.queries.work import watched
from ledger.db.retry import LOCK_TIMED_OUT, Failure, failure_of, sqlstate
from tests.api.calls import TRANSACTIONS, bearer, body, post
from tests.factories import AccountFactory
from tests.pooler import beside, limited_to
from transactions import services
from transactions.posting import blocked_accounts
from transactions.posting.blocked_accounts import trying

ONE, TWO, THREE = uuid7(), uuid7(), uuid7()


@pytest.fixture(autouse=True)
def nothing_is_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked_accounts, "_blocked_until", {})
    monkeypatch.setattr(blocked_accounts, "_tried", set())


class TestWithoutDatabase:
    @pytest.fixture
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        now = [100.0]
        monkeypatch.setattr(blocked_accounts, "monotonic", lambda: now[0])
        return now

    def wait_in_vain(self, *accounts: Any) -> None:
        with pytest.raises(OperationalError), trying(accounts):
            raise OperationalError from psycopg.errors.LockNotAvailable

    def assert_refused(self, *accounts: Any) -> None:
        with pytest.raises(OperationalError) as refused, trying(accounts):
            pytest.fail("it was tried")
        assert sqlstate(refused.value) == LOCK_TIMED_OUT
        assert failure_of(refused.value) is Failure.LOST_RACE

    def test_payments_of_the_same_accounts_are_refused_for_a_second(
        self, clock: list[float]
    ) -> None:
        self.wait_in_vain(ONE, TWO)
        self.assert_refused(ONE, THREE)
        self.assert_refused(TWO)
        with trying([THREE]):
            pass
        clock[0] += blocked_accounts.PAUSE
        with trying([ONE, THREE]):
            pass
        with trying([ONE]):
            pass

    def test_one_payment_at_a_time_tries_again(self, clock: list[float]) -> None:
        self.wait_in_vain(ONE, TWO)
        clock[0] += blocked_accounts.PAUSE
        with trying([ONE]):
            self.assert_refused(ONE)
            with trying([TWO]):
                pass
        with trying([ONE]), trying([ONE]):
            pass

    def test_another_timeout_blocks_again_and_another_error_does_not(
        self, clock: list[float]
    ) -> None:
        self.wait_in_vain(ONE)
        clock[0] += blocked_accounts.PAUSE
        self.wait_in_vain(ONE)
        self.assert_refused(ONE)
        clock[0] += blocked_accounts.PAUSE
        with pytest.raises(ZeroDivisionError), trying([ONE]):
            raise ZeroDivisionError
        with trying([ONE]):
            pass

    def test_a_process_remembers_a_limited_number(
        self, clock: list[float], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(blocked_accounts, "MAX_ACCOUNTS", 1)
        self.wait_in_vain(ONE)
        self.wait_in_vain(TWO)
        with trying([TWO]):
            pass
        clock[0] += 2 * blocked_accounts.PAUSE
        self.wait_in_vain(TWO)
        self.assert_refused(TWO)


@pytest.fixture
def locked(transactional_db: None) -> Iterator[tuple[Account, Account, Any]]:
    """A payer, a payee whose row another session has locked, and this session."""
    payer, payee = AccountFactory(), AccountFactory()
    services.deposit(to_account=payer, amount=Decimal(100))
    with beside() as session, session.transaction(), limited_to(lock_timeout=0.05):
        session.execute("SELECT FROM accounts WHERE id = %s FOR UPDATE", [payee.pk])
        yield payer, payee, session


@pytest.mark.own_session
def test_a_payment_after_a_lock_timeout_sends_no_statement(
    locked: tuple[Account, Account, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    payer, payee, session = locked
    header = bearer(payer.user, "pay")

    def status(key: str) -> int:
        answer = post(Client(), TRANSACTIONS, body(payer, payee), Idempotency_Key=key, **header)
        assert answer.status_code == 201 or answer["Retry-After"]
        return int(answer.status_code)

    assert status("one") == 409
    with watched() as work:
        assert status("two") == 409
    assert not [query.sql for query in work.queries if "FOR NO KEY UPDATE" in query.sql]
    session.execute("ROLLBACK")
    monkeypatch.setattr(blocked_accounts, "PAUSE", 0)
    monkeypatch.setattr(
        blocked_accounts, "_blocked_until", dict.fromkeys(blocked_accounts._blocked_until, 0.0)
    )
    assert status("two") == 201
    assert not blocked_accounts._blocked_until
