"""A replica that dies, lags or conflicts: its reads are repeated on the writer, and the next
ones do not try it.
"""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, OperationalError, connection, connections
from django.test import Client

from explorer.access import ExplorerReader
from explorer.running.anywhere import run_anywhere
from explorer.running.run import QueryRequest
from ledger.db import replicas
from ledger.db.backend.base import DatabaseWrapper
from ledger.db.replicas import known
from ledger.db.retry import sqlstate
from ledger.db.snapshot import snapshot
from ledger.embedded import roles
from tests.ledger.db.replicas.bank import ALIAS, BankWithReplica
from tests.ledger.db.replicas.people import Saver
from tests.pages import text_of
from transactions.models import Entry, Transaction
from transactions.search.page.views import SEARCH
from transactions.statements.page import STATEMENT

FOUND = "1 payment"
GONE = ("connection closed", "ended by the server (57P01)", "no socket", "refused")


@pytest.fixture
def ana(bank: BankWithReplica) -> Saver:
    return Saver(bank)


@pytest.fixture
def reads(bank: BankWithReplica) -> Iterator[replicas.RequestReads]:
    with replicas.request_reads(found := replicas.RequestReads(bank.needed, lambda: True)):
        yield found


class Connecting:
    """Counts the connections that are tried while it is in use."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def __enter__(self) -> "Connecting":
        connect, tried = DatabaseWrapper.get_new_connection, self.tried

        def counted(wrapper: Any, parameters: Any) -> Any:
            tried.append(wrapper.alias)
            return connect(wrapper, parameters)

        self.patch = patch.object(DatabaseWrapper, "get_new_connection", counted)
        self.patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.patch.stop()


def search(browser: Client) -> str:
    return text_of(browser.get("/search/?q=salary"))


def end_session(bank: BankWithReplica) -> None:
    """Ends this thread's session on the replica, as the death of its server would."""
    pid = connections[ALIAS].connection.info.backend_pid
    bank.pair.standby.ask(f"SELECT pg_terminate_backend({pid}, 5000)")


def change_a_table(bank: BankWithReplica) -> None:
    """What a replica can replay only when nobody reads the table there."""
    with roles.as_superuser(bank.pair.primary.running(), roles.DATABASE) as primary:
        primary.execute("BEGIN; LOCK TABLE transactions IN ACCESS EXCLUSIVE MODE; COMMIT")


def test_a_dead_replica_costs_no_request(bank: BankWithReplica, ana: Saver) -> None:
    browser = ana.browser()
    assert FOUND in search(browser)
    bank.pair.standby.kill()
    try:
        assert FOUND in search(browser), "the read is repeated on the writer in the same request"
        assert bank.replica.why_out in GONE
        with Connecting() as connecting:
            assert all(FOUND in search(browser) for _ in range(5))
        assert ALIAS not in connecting.tried
    finally:
        bank.pair.follow()
    bank.catch_up()
    bank.sent.clear()
    assert FOUND in search(browser)
    assert bank.sent, "it is used again, after a probe"


def test_a_replica_that_takes_no_connection_is_left_out_by_the_first_read(
    bank: BankWithReplica, reads: replicas.RequestReads
) -> None:
    connections[ALIAS].close()
    bank.pair.standby.kill()
    try:
        replicas.read(SEARCH, Transaction.objects.count)
        assert bank.replica.why_out in GONE
    finally:
        bank.pair.follow()
    bank.catch_up()


@pytest.mark.parametrize(
    ("answer", "why"),
    [("refused_position()", "another reason (0A000)"), ("NULL::pg_lsn", known.NO_POSITION)],
)
def test_a_replica_that_has_no_position_is_left_out(
    bank: BankWithReplica, ana: Saver, monkeypatch: pytest.MonkeyPatch, answer: str, why: str
) -> None:
    """As a reader of Aurora, which refuses the function with SQLSTATE 0A000."""
    with roles.as_superuser(bank.pair.primary.running(), roles.DATABASE) as primary:
        primary.execute(
            "CREATE OR REPLACE FUNCTION refused_position() RETURNS pg_lsn LANGUAGE plpgsql AS"
            " 'BEGIN RAISE feature_not_supported; END'"
        )
    browser = ana.browser()
    asked = known.PROBE.replace("pg_last_wal_replay_lsn()", answer)
    with monkeypatch.context() as patched:
        patched.setattr(known, "PROBE", asked)
        bank.probe()
        assert bank.replica.why_out == why
        bank.sent.clear()
        assert FOUND in search(browser)
        assert not bank.sent, "the writer answers"
    bank.catch_up()


def test_a_replica_too_far_behind_is_left_out(
    bank: BankWithReplica, ana: Saver, settings: Any
) -> None:
    settings.DATABASE_REPLICA_MAX_LAG = 0.001
    with bank.paused():
        ana.pay_in("more")
        bank.pair.primary.ask("SELECT pg_sleep(0.05)")
        bank.probe()
        assert bank.replica.why_out == "it is too far behind"
        assert not bank.replica.can_serve(bank.needed())
        (found,) = replicas.lag_of([bank.replica])
        assert found.bytes_behind
        assert found.seconds_behind
    bank.catch_up()
    (found,) = replicas.lag_of([bank.replica])
    assert found.seconds_behind == 0


def test_a_server_that_is_no_standby_is_left_out(bank: BankWithReplica) -> None:
    there = bank.replica._connection.settings_dict
    standby, there["HOST"] = there["HOST"], str(bank.pair.primary.running().socket_dir)
    bank.replica.close()
    bank.probe()
    assert bank.replica.why_out == "it is not a standby"
    there["HOST"] = standby
    bank.probe()
    assert bank.replica.can_serve(bank.needed())


def test_a_read_whose_connection_breaks_is_repeated(
    bank: BankWithReplica, reads: replicas.RequestReads
) -> None:
    places = []

    def counted() -> int:
        found: int = Transaction.objects.count()
        places.append(replicas.is_on_replica())
        if replicas.is_on_replica():
            end_session(bank)
        return found + int(Transaction.objects.count())

    assert replicas.read(SEARCH, counted) == 2 * Transaction.objects.count()
    assert places == [True, False]
    assert bank.replica.why_out, "until the next probe"
    bank.probe()
    assert bank.replica.can_serve(bank.needed())


def test_a_stream_that_breaks_goes_on_after_the_last_row(
    bank: BankWithReplica, ana: Saver, reads: replicas.RequestReads
) -> None:
    for number in range(5):
        ana.pay_in(f"number {number}")
    reads.has_written = False
    bank.catch_up()
    rows = Entry.objects.for_account(ana.everyday).order_by("created_at")
    with patch("ledger.db.replicas.reads.AT_A_TIME", 2):
        found = replicas.stream(STATEMENT, lambda given: rows[given:].iterator(chunk_size=2))
        first = [next(found), next(found)]
        end_session(bank)
        assert [each.pk for each in [*first, *found]] == [each.pk for each in rows]
    assert bank.replica.repeated == 1


def test_a_read_that_hinders_the_replay_is_repeated(
    bank: BankWithReplica, reads: replicas.RequestReads
) -> None:
    """Postgres ends it with 40001, or ends its session."""
    bank.pair.standby.ask("ALTER SYSTEM SET max_standby_streaming_delay = 0")
    bank.pair.standby.ask("SELECT pg_reload_conf()")
    states = []

    def counted() -> int:
        with snapshot():
            found: int = Transaction.objects.count()
            if replicas.is_on_replica():
                change_a_table(bank)
                try:
                    while True:
                        Transaction.objects.count()
                except DatabaseError as error:
                    states.append(sqlstate(error))
                    raise
            return found

    try:
        assert replicas.read(SEARCH, counted) == Transaction.objects.count()
    finally:
        bank.pair.standby.ask("ALTER SYSTEM RESET max_standby_streaming_delay")
        bank.pair.standby.ask("SELECT pg_reload_conf()")
    assert states
    assert bank.replica.repeated == 1


def test_a_server_that_began_anew_is_not_taken_for_the_one_that_was_asked(
    bank: BankWithReplica, reads: replicas.RequestReads
) -> None:
    answer = bank.replica.answer
    bank.pair.standby.kill()
    bank.pair.follow()
    bank.replica.answer, bank.replica.why_out = answer, ""
    connections[ALIAS].close()

    replicas.read(SEARCH, Transaction.objects.count)

    assert bank.sent == []
    assert bank.replica.repeated == 1, "it was tried"
    bank.catch_up()


def test_a_query_of_the_explorer_is_repeated_if_its_connection_leads_to_another_server(
    bank: BankWithReplica, ana: Saver, reads: replicas.RequestReads
) -> None:
    """As where a name leads to another server between two connections."""
    reads.has_written = False
    replicas.read(SEARCH, Transaction.objects.count)
    connections[ALIAS].settings_dict["HOST"] = str(bank.pair.primary.running().socket_dir)
    asked = QueryRequest("SELECT pg_is_in_recovery()", {}, most=1, seconds=5)

    result = run_anywhere(asked, ExplorerReader(ana.user))

    assert result.rows == [("false",)]
    assert bank.replica.repeated == 1


def test_what_takes_too_long_is_not_tried_again_on_the_writer(
    bank: BankWithReplica, reads: replicas.RequestReads
) -> None:
    tried = []

    def slow() -> None:
        tried.append(replicas.is_on_replica())
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '10ms'")
            cursor.execute("SELECT pg_sleep(1)")

    with pytest.raises(OperationalError, match="statement timeout"):
        replicas.read(SEARCH, slow)
    assert tried == [True]
