"""A session that the one who asks cannot tell, or may not end, is not over because nobody finds it:
behind a pooler that says another process id, or of another user. What is found is ended with care.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from ledger.db import retry
from ledger.db.backend import replication
from ledger.db.backend.limited import GRACE
from ledger.db.ids import uuid7
from ledger.db.retry import NotConfirmed, OutcomeUnknown
from ledger.embedded import roles
from tests.factories import AccountFactory, balances
from tests.ledger.hanging import standing_still
from tests.ledger.processes import wait_until
from tests.pooler import beside, connected, own_pool, pgbouncer, server
from transactions import services
from transactions.exceptions import IdempotencyConflict, InsufficientFunds
from transactions.models import Transaction
from transactions.posting import lost_statements
from transactions.posting.lost_statements import LostStatement, is_over

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="the server may be another computer's"),
]
GIVEN_UP_AFTER = 0.3  # seconds without a word
AMOUNT = Decimal(30)


@pytest.fixture(autouse=True)
def short_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "UNTIL_BACK", 0.05)
    monkeypatch.setattr(lost_statements, "VALID_SECONDS", 10)  # it may come through until then
    monkeypatch.setattr(lost_statements, "END_WITHIN", 1)
    monkeypatch.setattr(lost_statements, "_lost", {})


@contextmanager
def plain() -> Iterator[None]:
    with connected(server()):
        yield


@contextmanager
def pooled() -> Iterator[None]:
    with own_pool(size=3) as there, connected(there):
        yield


@contextmanager
def through_pooler_in_session_mode() -> Iterator[None]:
    """As with LEDGER_PREPARE=False."""
    further = "pool_mode = session\nignore_startup_parameters = options"
    with pgbouncer(size=5, further=further) as pooler:
        there = pooler.settings(LEDGER_POOLER="")
        there["OPTIONS"] = {**there["OPTIONS"], "prepare_threshold": None}
        with connected(there):
            yield


@contextmanager
def logins() -> Iterator[tuple[str, str]]:
    """Two users who may do what web processes may, and nothing of each other's."""
    names = tuple(f"{kind}_{server()['NAME']}" for kind in ("first", "second"))
    with beside(user=roles.SUPERUSER) as superuser:
        for name in names:
            superuser.execute(f'CREATE ROLE "{name}" LOGIN')
            superuser.execute(f'GRANT "{settings.LEDGER_WEB_ROLE}" TO "{name}"')
        try:
            yield (names[0], names[1])
        finally:
            for name in names:
                superuser.execute(f'DROP ROLE "{name}"')


@contextmanager
def in_an_assumed_role() -> Iterator[None]:
    with logins() as (user, _):
        there = {**server(), "USER": user, "LEDGER_EMBEDDED": False}
        there["OPTIONS"] = {**there["OPTIONS"], "assume_role": settings.LEDGER_WEB_ROLE}
        with connected(there):
            yield


@contextmanager
def by_alternating_users() -> Iterator[None]:
    """The first connection is of one user, all later ones of another."""
    with logins() as users, pytest.MonkeyPatch.context() as patch:
        left, connect = list(users), connection.get_new_connection

        def rotated(parameters: dict[str, Any]) -> Any:
            return connect({**parameters, "user": left.pop(0) if len(left) > 1 else left[0]})

        patch.setattr(connection, "get_new_connection", rotated)
        with connected({**server(), "USER": users[0], "LEDGER_EMBEDDED": False}):
            yield


CONNECTIONS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "plain": plain,
    "a pool": pooled,
    "a pooler in session mode": through_pooler_in_session_mode,
    "an assumed role": in_an_assumed_role,
    "alternating users": by_alternating_users,
}


@pytest.mark.parametrize("connect", CONNECTIONS.values(), ids=list(CONNECTIONS))
def test_nobody_hears_a_refusal_of_what_comes_through_later(
    connect: Callable[[], AbstractContextManager[None]],
) -> None:
    account, other = AccountFactory(), AccountFactory(balance="1")
    with connect():
        # Prepares the statement: otherwise the one that is lost would only prepare it.
        services.withdraw(from_account=other, amount=Decimal(1))
        raw: Any = connection.raw  # type: ignore[attr-defined]
        raw.limit_statements(GIVEN_UP_AFTER - GRACE)
        said = "nothing"
        with beside() as outside:
            (pid,) = raw.execute("SELECT pg_backend_pid()").fetchone()
            id = uuid7()
            with standing_still([pid]):
                try:
                    services.withdraw(from_account=account, amount=AMOUNT, id=id)
                except (OutcomeUnknown, InsufficientFunds) as error:
                    said = type(error).__name__
                services.deposit(to_account=account, amount=Decimal(100))
            wait_until(lambda: not is_there(outside, pid))
    is_booked = Transaction.objects.filter(pk=id).exists()
    assert said == "OutcomeUnknown", f"and it {'was' if is_booked else 'was not'} booked"
    assert balances(account) == [70 if is_booked else 100]


def is_there(outside: psycopg.Connection, pid: int) -> bool:
    found = outside.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
    return found is not None


def lost_in(session: psycopg.Connection) -> LostStatement:
    return lost_statements.sent_now(session.info.backend_pid)


def test_the_session_of_a_lost_statement_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_statements, "END_WITHIN", 10_000)
    with beside() as session, connected(server()):
        assert is_over(lost_in(session))
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")


def test_a_later_session_with_the_same_number_lives_on() -> None:
    with connected(server()), beside() as session:
        lost = lost_in(session)._replace(sent_at=time.monotonic() - 60)
        assert is_over(lost)
        session.execute("SELECT 1")


def test_a_session_in_another_database_lives_on_and_is_not_over() -> None:
    """It has the same number on a server that took over."""
    with connected(server()), beside(dbname="postgres") as session:
        assert not is_over(lost_in(session))
        session.execute("SELECT 1")


def test_a_session_of_another_user_lives_on_and_is_not_over() -> None:
    with beside(user=roles.SUPERUSER) as session, connected(server()):
        assert not is_over(lost_in(session))
        session.execute("SELECT 1")


def test_a_session_that_is_gone_is_over() -> None:
    with beside() as outside, connected(server()):
        with beside() as session:
            lost = lost_in(session)
        wait_until(lambda: not is_there(outside, lost.pid))
        assert is_over(lost)


def test_another_lost_statement_is_no_reason_to_forget_one() -> None:
    first, second = uuid7(), uuid7()
    sent = lost_statements.sent_now(1)._replace(sent_at=time.monotonic() - 120)
    lost_statements.remember(first, sent)
    lost_statements.remember(second, lost_statements.sent_now(2))
    assert lost_statements.lost_before(first) == [sent]


def test_it_is_forgotten_at_last() -> None:
    first = uuid7()
    sent = lost_statements.sent_now(1)._replace(sent_at=time.monotonic() - 3600)
    lost_statements.remember(first, sent)
    lost_statements.remember(uuid7(), lost_statements.sent_now(2))
    assert lost_statements.lost_before(first) == []


def test_a_session_that_answered_without_being_confirmed_lives_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pool has given it to somebody else when the same id is sent again."""
    account, other, id = AccountFactory(balance="100"), AccountFactory(balance="1"), uuid7()
    not_confirmed, check = list[int](), replication.check_confirmed

    def refuse_once(raw: Any) -> None:
        if not_confirmed:
            return check(raw)
        not_confirmed.append(raw.info.backend_pid)
        raise NotConfirmed("as after pg_cancel_backend")

    with own_pool(size=2) as there, connected(there):
        services.withdraw(from_account=other, amount=Decimal(1))
        monkeypatch.setattr(replication, "check_confirmed", refuse_once)
        services.withdraw(from_account=account, amount=AMOUNT, id=id)
        connection.close()
        with connection.pool.connection() as somebody:  # type: ignore[attr-defined]
            assert [somebody.info.backend_pid] == not_confirmed
            with pytest.raises(IdempotencyConflict):
                services.withdraw(from_account=account, amount=AMOUNT + 1, id=id)
            somebody.execute("SELECT 1")
    assert balances(account) == [70]
