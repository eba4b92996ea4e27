"""The session of a payment stands still before it reads the statement, and goes on after its caller
has gone: the payment comes through or is refused, and nobody hears one and gets the other.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from accounts.models import Account
from ledger.db import retry
from ledger.db.backend.limited import GRACE
from ledger.db.ids import uuid7
from ledger.db.retry import OutcomeUnknown
from tests.factories import AccountFactory, balances
from tests.ledger.hanging import standing_still
from tests.ledger.processes import wait_until
from tests.pooler import beside
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import InsufficientFunds, LedgerError
from transactions.models import Transaction
from transactions.posting import lost_statements
from transactions.services import DayLimit, Draft

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.own_session,
    pytest.mark.own_connection,
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="the server may be another computer's"),
]
GIVEN_UP_AFTER = 0.3  # seconds without a word
AMOUNT = Decimal(30)
USUAL_TRIES = retry.UNTIL_BACK


class NotConfirmedByPerson(LedgerError):
    """As a payment that needs a step-up."""


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    return account


@pytest.fixture(autouse=True)
def short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "UNTIL_BACK", 0.05)
    monkeypatch.setattr(lost_statements, "END_WITHIN", 1)
    monkeypatch.setattr(lost_statements, "_lost", {})


@pytest.fixture
def nobody_there(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Whether new connections are refused."""
    connect, is_away = connection.get_new_connection, [False]

    def connect_or_not(parameters: dict[str, Any]) -> Any:
        return connect(parameters | ({"host": "/nowhere"} if is_away[0] else {}))

    monkeypatch.setattr(connection, "get_new_connection", connect_or_not)
    return lambda is_so: is_away.__setitem__(0, is_so)


@contextmanager
def hanging_session() -> Iterator[None]:
    """The session of this thread stands still; after the block it goes on and comes to its end."""
    # Prepares the statement: otherwise the one that is lost would only prepare it.
    services.withdraw(from_account=AccountFactory(balance="1"), amount=Decimal(1))
    raw: Any = connection.connection
    raw.limit_statements(GIVEN_UP_AFTER - GRACE)
    pid = raw.info.backend_pid
    with beside() as outside:
        try:
            with standing_still([pid]):
                yield
            wait_until(lambda: not is_there(outside, pid))
        finally:
            connection.close()


def is_there(outside: psycopg.Connection, pid: int) -> bool:
    found = outside.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return found is not None


def pay(account: Account, id: UUID) -> None:
    services.withdraw(from_account=account, amount=AMOUNT, id=id)


def lose(account: Account, id: UUID, nobody_there: Callable[[bool], None]) -> None:
    """A call that ends before anybody can ask the server for the session of its statement."""
    connection.ensure_connection()
    nobody_there(True)
    with pytest.raises(OutcomeUnknown):
        pay(account, id)
    nobody_there(False)


def assert_refused_for_good_by_another_process(
    account: Account, nobody_there: Callable[[bool], None]
) -> None:
    """A lost call is repeated by a process that knows nothing of it, is refused, and stays so."""
    id = uuid7()
    with hanging_session():
        lose(account, id, nobody_there)
        lost_statements._lost.clear()
        with pytest.raises(InsufficientFunds):
            pay(account, id)
        services.deposit(to_account=account, amount=Decimal(100))
    assert not Transaction.objects.filter(pk=id).exists()
    assert balances(account) == [100]


def test_a_repeat_that_is_refused_is_not_final_while_the_first_one_may_come_through(
    account: Account, nobody_there: Callable[[bool], None]
) -> None:
    id = uuid7()
    with hanging_session():
        lose(account, id, nobody_there)
        with pytest.raises(OutcomeUnknown):
            pay(account, id)
    with pytest.raises(InsufficientFunds):
        pay(account, id)


def test_after_a_repeat_the_first_one_does_not_come_through(
    account: Account, nobody_there: Callable[[bool], None]
) -> None:
    """Whatever the repeat has said: it has told the session to end."""
    id = uuid7()
    with hanging_session():
        lose(account, id, nobody_there)
        with pytest.raises(OutcomeUnknown):
            pay(account, id)
        services.deposit(to_account=account, amount=Decimal(100))
    assert not Transaction.objects.filter(pk=id).exists()
    pay(account, id)
    pay(account, id)
    assert balances(account) == [70]
    assert audit().clean


def test_it_does_not_come_through_after_its_time_so_any_process_may_refuse(
    account: Account, nobody_there: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", GIVEN_UP_AFTER / 3)
    assert_refused_for_good_by_another_process(account, nobody_there)


def test_who_hears_that_nobody_knows_hears_it_after_its_time(
    account: Account, nobody_there: Callable[[bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """So what any process says to a repeat is true, as soon as there is somebody to repeat it."""
    assert lost_statements.VALID_SECONDS <= USUAL_TRIES
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", 2 * GIVEN_UP_AFTER)
    monkeypatch.setattr(retry, "UNTIL_BACK", 2 * GIVEN_UP_AFTER)
    assert_refused_for_good_by_another_process(account, nobody_there)


def test_a_refusal_is_final_after_its_time_though_its_session_still_stands(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", GIVEN_UP_AFTER / 3)
    with hanging_session():
        with pytest.raises(InsufficientFunds):
            pay(account, uuid7())
        services.deposit(to_account=account, amount=Decimal(100))
    assert balances(account) == [100]


def test_it_comes_through_within_its_time_and_is_found(
    account: Account, nobody_there: Callable[[bool], None]
) -> None:
    id = uuid7()
    services.deposit(to_account=account, amount=Decimal(100))
    with hanging_session():
        lose(account, id, nobody_there)
    assert Transaction.objects.filter(pk=id).exists()
    pay(account, id)
    assert balances(account) == [70]


def test_what_the_caller_refuses_beside_the_row_is_not_final_either(account: Account) -> None:
    """As a payment of a person that needs a step-up by now."""
    services.deposit(to_account=account, amount=Decimal(100))
    paid, payer = AccountFactory(), account.user

    def book() -> None:
        draft = Draft(
            from_account=account, to_account=paid, amount=AMOUNT, id=uuid7(), created_by=payer
        )
        refusal = NotConfirmedByPerson()
        within = DayLimit(payer.pk, account.currency, account.created_at, Decimal(0), refusal)
        services.book(draft, within=within)

    with hanging_session(), pytest.raises(OutcomeUnknown):
        book()
