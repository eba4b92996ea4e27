"""Whether anybody confirms commits is asked seldom, and never where it was confirmed before."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db import transaction as db_transaction

from ledger.db.commits import confirmation
from tests.ledger.servers import value


class AskedServer:
    """Answers what it is told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.problem: str | None = None
        self.asked, self.now = 0, 1000.0
        self.is_away: type[Exception] | None = None

    @contextmanager
    def connect(self, _seconds: int) -> Iterator[None]:
        self.asked += 1
        if self.is_away:
            raise self.is_away
        yield


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> AskedServer:
    found = AskedServer()
    monkeypatch.setattr(confirmation, "short_connection", found.connect)
    monkeypatch.setattr(confirmation, "problem_with_confirmation", lambda _found: found.problem)
    monkeypatch.setattr(confirmation, "clock", lambda: found.now)
    monkeypatch.setattr(confirmation._Answer, "is_lost", False)
    monkeypatch.setattr(confirmation._Answer, "at", float("-inf"))
    return found


def test_many_ask_at_once_and_the_server_answers_once(server: AskedServer) -> None:
    server.problem = "No standby"
    assert [confirmation.nobody_confirms() for _ in range(3)] == [True] * 3
    assert server.asked == 1
    server.now, server.problem = server.now + confirmation.KNOWN_FOR, None
    assert not confirmation.nobody_confirms()
    assert server.asked == 2


def test_who_only_wants_to_know_of_a_loss_asks_nothing_before_one(server: AskedServer) -> None:
    server.problem = "No standby"
    assert not confirmation.is_known_lost()
    assert server.asked == 0
    confirmation.nobody_confirms()
    server.now += confirmation.KNOWN_FOR
    assert confirmation.is_known_lost()
    server.now, server.problem = server.now + confirmation.KNOWN_FOR, None
    assert not confirmation.is_known_lost()
    assert server.asked == 3


@pytest.mark.parametrize("error", [OperationalError, psycopg.OperationalError])
def test_a_server_that_is_away_has_lost_no_standby(
    server: AskedServer, error: type[Exception]
) -> None:
    """Also one that goes away before it answers, which psycopg tells."""
    server.is_away = error
    assert not confirmation.nobody_confirms()


@pytest.mark.django_db(transaction=True)
def test_a_commit_waits_for_no_standby_within_the_block_alone() -> None:
    before = value(connection, "SHOW synchronous_commit")
    with confirmation.waiting_for_no_standby():
        assert value(connection, "SHOW synchronous_commit") == "local"
    assert value(connection, "SHOW synchronous_commit") == before != "local"


@pytest.mark.django_db(transaction=True)
def test_within_another_transaction_nothing_can_leave_the_wait_out() -> None:
    """It would be left out for what that transaction writes, which may be a payment."""
    around, within = db_transaction.atomic(), confirmation.waiting_for_no_standby()
    with pytest.raises(RuntimeError), around, within:
        raise AssertionError
