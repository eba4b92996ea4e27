"""Which replica is chosen, and which statements count as writes. Without a database."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import Error, OperationalError

from ledger.db.replicas.choice import CHOICES
from ledger.db.replicas.known import (
    NOT_ENOUGH,
    STALE,
    STOPPED,
    ReadAgain,
    Replica,
    ReplicaState,
    StoppedServer,
    reason_for,
)
from ledger.db.replicas.purposes import tables_in, writes_what_replicas_show
from ledger.db.replicas.writer import Needed

WRITER, BEFORE = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def answering(name: str, replayed: int) -> Replica:
    found = Replica(name)
    found.answer = ReplicaState(datetime.now(UTC), WRITER, replayed, 0.0, time.monotonic())
    found.why_out = ""
    return found


@pytest.fixture
def three() -> list[Replica]:
    return [answering(name, 100) for name in "abc"]


def of_psycopg(cause: psycopg.Error) -> Error:
    """As Django raises it."""
    error = OperationalError(str(cause))
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (of_psycopg(psycopg.OperationalError('connection to "10.0.0.7": refused')), "another"),
        (of_psycopg(psycopg.OperationalError("10.0.0.7: Connection refused")), "refused"),
        (of_psycopg(psycopg.errors.AdminShutdown("x")), "ended by the server (57P01)"),
        (ReadAgain(), NOT_ENOUGH),
        (StoppedServer(), STOPPED),
        (Error("x"), "another reason"),
    ],
)
def test_why_a_replica_failed_is_said_in_words_without_its_host(error: Error, why: str) -> None:
    assert reason_for(error).startswith(why)
    assert "10.0.0.7" not in reason_for(error)


def test_a_replica_serves_a_session_once_it_has_replayed_what_that_wrote() -> None:
    replica = answering("a", 100)
    assert replica.can_serve(Needed(WRITER))
    assert replica.can_serve(Needed(WRITER, 100))
    assert not replica.can_serve(Needed(WRITER, 101))


def test_a_replica_of_another_writer_serves_nobody_however_far_it_is() -> None:
    replica = answering("a", 100)
    for position in (None, 1):
        assert not replica.can_serve(Needed(BEFORE, position))
        assert not replica.can_serve(Needed(None, position)), "the writer is not known"


def test_without_a_mark_on_either_side_a_replica_serves_nobody() -> None:
    """Two writers whose start nobody knows need not be the same one."""
    replica = answering("a", 100)
    assert replica.answer is not None
    replica.answer = replace(replica.answer, writer=None)
    for position in (None, 1):
        assert not replica.can_serve(Needed(None, position))


def test_a_replica_that_has_not_answered_yet_serves_nobody() -> None:
    assert not Replica("a").can_serve(Needed(WRITER))


def test_a_replica_whose_last_answer_is_old_serves_nobody() -> None:
    """Its thread waits for an answer, perhaps for a name's address."""
    replica = answering("a", 100)
    assert replica.answer is not None
    replica.answer = replace(replica.answer, at=time.monotonic() - STALE - 1)
    assert not replica.can_serve(Needed(WRITER))


def test_a_replica_that_stays_away_is_logged_once_for_each_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    replica = answering("a", 100)
    with caplog.at_level("INFO", logger="ledger.replicas"):
        for why in ("refused", "refused", STOPPED, STOPPED):
            replica.leave_out(why)
    lines = [json.loads(line) for line in caplog.messages]
    assert [(line["event"], line["reason"]) for line in lines] == [
        ("replica.left_out", "refused"),
        ("replica.left_out", STOPPED),
    ]


def test_round_robin_takes_one_after_the_other(three: list[Replica]) -> None:
    taken = [CHOICES["round_robin"](three).alias for _ in range(6)]
    assert sorted(taken[:3]) == ["a", "b", "c"]
    assert taken[:3] == taken[3:]


def test_least_connections_takes_the_one_with_the_fewest_reads(three: list[Replica]) -> None:
    first, second, third = three
    first.begin()
    third.begin()
    assert CHOICES["least_connections"](three) is second
    second.begin()
    second.begin()
    third.end()
    assert CHOICES["least_connections"](three) is third


def test_random_takes_each(three: list[Replica]) -> None:
    assert {CHOICES["random"](three).alias for _ in range(200)} == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ('SELECT "accounts"."id" FROM "accounts"', False),
        ("(SELECT 1) UNION (SELECT 2)", False),
        ("WITH x AS (SELECT 1) SELECT * FROM x", False),
        ("SET LOCAL jit = off", False),
        ('SAVEPOINT "s1"', False),
        ('UPDATE "sessions" SET last_seen_at = now()', False),
        ('INSERT INTO "cache" (k) VALUES (1) ON CONFLICT (k) DO UPDATE\n SET v = 1', False),
        ('SELECT 1 FROM "accounts" FOR NO KEY UPDATE', True),
        ('INSERT INTO "transactions" (id) VALUES (1)', True),
        ("WITH x AS (INSERT INTO transactions VALUES (1) RETURNING 1) SELECT * FROM x", True),
        ("WITH x AS (INSERT INTO reads VALUES (1)) INSERT INTO transactions VALUES (1)", True),
        ('UPDATE "users" SET name = 1', True),
        ('DELETE FROM "annotations"', True),
        ("COPY transactions FROM STDIN", True),
        ("CREATE TABLE t ()", True),
        ("CALL something()", True),
    ],
)
def test_a_statement_writes_what_replicas_show_or_not(sql: str, writes: bool) -> None:
    assert writes_what_replicas_show(sql) is writes


def test_each_table_that_a_statement_names_is_found() -> None:
    found = tables_in('SELECT "users"."id" FROM "users" JOIN accounts_x ON true, sessions')
    assert found == {"users", "sessions"}


def test_a_replica_counts_as_used_while_it_is_read() -> None:
    replica: Any = answering("a", 1)
    replica.begin()
    assert (replica.under_way, replica.reads) == (1, 1)
    replica.end()
    assert replica.under_way == 0
