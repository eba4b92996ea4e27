"""A server that hangs: its processes stand still, its kernel answers for them, and nobody waits for
ever.
"""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.db import transaction as db_transaction

from ledger.db.backend.base import DatabaseWrapper
from ledger.db.backend.limited import GRACE, LimitedConnection, ServerHangs
from ledger.db.local_settings import set_locally
from ledger.db.outages.probe import short_connection
from ledger.db.retry import Failure, failure_of
from ledger.db.snapshot import snapshot
from tests.ledger.hanging import standing_still
from tests.ledger.servers import value
from tests.pooler import connected, own_pool, server

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.LEDGER_EMBEDDED, reason="the server may be another computer's"),
]
LIMIT = 0.3  # seconds
TIMEOUTS = {"LEDGER_TIMEOUTS": {"statement_timeout": 20}}


@pytest.fixture
def database() -> Iterator[Any]:
    """A connection of its own to the server of the test database."""
    options = {**server()["OPTIONS"], "connect_timeout": 1}
    found = DatabaseWrapper({**server(), "OPTIONS": options, **TIMEOUTS}, alias="default")
    found.ensure_connection()
    yield found
    found.close()


@contextmanager
def hanging(database: Any) -> Iterator[None]:
    with standing_still([database.raw.info.backend_pid]):
        yield


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Much longer would be the limit of a statement, or for ever."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def select(raw: LimitedConnection) -> None:
    raw.execute("SELECT 1")


def prepared(raw: LimitedConnection) -> None:
    raw.execute("SELECT %s", [1], prepare=True)


def many(raw: LimitedConnection) -> None:
    raw.cursor().executemany("SELECT %s", [[1], [2]])


def pipeline(raw: LimitedConnection) -> None:
    with raw.pipeline():
        raw.execute("SELECT 1")
        raw.execute("SELECT 2")


def copy_in(raw: LimitedConnection) -> None:
    with raw.cursor().copy("COPY pg_temp.written FROM STDIN") as copy:
        copy.write("1\n")


def copy_out(raw: LimitedConnection) -> None:
    with raw.cursor().copy("COPY (SELECT 1) TO STDOUT") as copy:
        list(copy)


def server_cursor(raw: LimitedConnection) -> None:
    with raw.cursor(name="mine", withhold=True) as cursor:
        cursor.execute("SELECT 1")


def large_statement(raw: LimitedConnection) -> None:
    """More than the kernel takes for a process that does not read."""
    raw.execute("SELECT %s", ["x" * 20_000_000])


def transaction(raw: LimitedConnection) -> None:
    with raw.transaction():
        pass


@pytest.mark.parametrize(
    "ask",
    [
        select, prepared, many, pipeline, copy_in, copy_out, server_cursor, large_statement,
        transaction,
    ],
)  # fmt: skip
def test_whoever_waits_for_a_server_that_hangs_gives_it_up(
    ask: Callable[[LimitedConnection], None], database: Any
) -> None:
    value(database, "SELECT 1")
    database.raw.execute("CREATE TEMPORARY TABLE written (number int)")
    database.raw.silence_limit = LIMIT
    with hanging(database), at_most(LIMIT + 3), pytest.raises(ServerHangs):
        ask(database.raw)
    assert database.raw.closed


def test_a_copy_in_whose_server_hangs_in_the_middle_is_given_up(database: Any) -> None:
    database.raw.execute("CREATE TEMPORARY TABLE written (number int)")
    database.raw.silence_limit = LIMIT

    def write_without_end() -> None:
        with database.raw.cursor().copy("COPY written FROM STDIN") as copy, hanging(database):
            while True:
                copy.write("1\n" * 100_000)

    with at_most(LIMIT + 5), pytest.raises(ServerHangs):
        write_without_end()


def test_a_fetch_whose_server_hangs_is_given_up(database: Any) -> None:
    with database.raw.transaction(), database.raw.cursor(name="mine") as cursor:
        cursor.execute("SELECT generate_series(1, 9)")
        cursor.itersize = 2
        cursor.fetchone()
        database.raw.silence_limit = LIMIT
        with hanging(database), at_most(LIMIT + 3), pytest.raises(ServerHangs):
            cursor.fetchall()


def test_a_statement_of_which_nobody_knows_is_of_unknown_outcome(database: Any) -> None:
    database.raw.silence_limit = LIMIT
    with hanging(database), pytest.raises(OperationalError) as lost:
        value(database, "SELECT 1")
    assert failure_of(lost.value) is Failure.UNKNOWN


def test_a_commit_of_which_nobody_knows_is_of_unknown_outcome(database: Any) -> None:
    with connected(database.settings_dict):

        def commit() -> None:
            with db_transaction.atomic():
                value(connection, "SELECT pg_current_xact_id()::text")
                connection.raw._usual = LIMIT  # type: ignore[attr-defined]
                hangs.__enter__()

        value(connection, "SELECT 1")
        hangs = hanging(connection)
        try:
            with at_most(LIMIT + 3), pytest.raises(OperationalError) as lost:
                commit()
        finally:
            hangs.__exit__(None, None, None)
        assert failure_of(lost.value) is Failure.UNKNOWN
        assert value(connection, "SELECT 1") == 1, "by a new connection"


def test_it_goes_on_after_its_client_has_gone_and_does_not_commit(database: Any) -> None:
    other = DatabaseWrapper(database.settings_dict, alias="default")
    with other.cursor() as cursor:
        cursor.execute("CREATE TABLE left_behind (number int)")
    try:
        database.set_autocommit(False)
        value(database, "INSERT INTO left_behind VALUES (1) RETURNING number")
        database.raw.silence_limit = LIMIT
        pid = database.raw.info.backend_pid
        with hanging(database), pytest.raises(OperationalError):
            value(database, "INSERT INTO left_behind VALUES (2) RETURNING number")
        value(other, f"SELECT pg_terminate_backend({pid}, 20000)")  # waits until it has ended
        assert value(other, "SELECT count(*) FROM left_behind") == 0
    finally:
        with other.cursor() as cursor:
            cursor.execute("DROP TABLE left_behind")
        other.close()


def test_a_server_that_lives_stops_a_statement_first(database: Any) -> None:
    """With 57014, which says that nothing was done."""
    with connected(database.settings_dict), db_transaction.atomic(), snapshot_of(0.1):
        with pytest.raises(OperationalError) as stopped:
            value(connection, "SELECT pg_sleep(10)")
        assert failure_of(stopped.value) is Failure.TIMED_OUT


@contextmanager
def snapshot_of(seconds: float) -> Iterator[None]:
    set_locally(statement_timeout=str(int(seconds * 1000)))
    yield
    db_transaction.set_rollback(True)


def test_what_answers_bit_by_bit_may_take_longer(database: Any) -> None:
    rows = "SELECT repeat('x', 20000), pg_sleep(0.2) FROM generate_series(1, 6)"
    database.raw.silence_limit = 0.9
    assert len(database.raw.execute(rows).fetchall()) == 6


def test_a_wait_for_notifications_is_no_silence(database: Any) -> None:
    database.raw.silence_limit = LIMIT
    assert list(database.raw.notifies(timeout=LIMIT * 2)) == []
    assert not database.raw.closed


def test_the_limit_follows_the_time_that_a_transaction_may_take(database: Any) -> None:
    usual = 20 + GRACE
    with connected(database.settings_dict):
        connection.ensure_connection()
        raw: Any = connection.raw  # type: ignore[attr-defined]
        assert raw.silence_limit == usual
        with snapshot(seconds=60):
            assert raw.silence_limit == 60 + GRACE
        assert raw.silence_limit == usual
        with db_transaction.atomic():
            set_locally(statement_timeout="1500", lock_timeout="1s")
            assert raw.silence_limit == 1.5 + GRACE
            set_locally(statement_timeout="0")
            assert raw.silence_limit is None
        assert raw.silence_limit == usual
        with db_transaction.atomic():
            set_locally(statement_timeout="60000")
            db_transaction.set_rollback(True)
        assert raw.silence_limit == usual, "after a rollback too"


def test_after_a_savepoint_the_limit_is_not_shorter_than_before_it(database: Any) -> None:
    with connected(database.settings_dict), db_transaction.atomic():
        value(connection, "SELECT 1")
        raw: Any = connection.raw  # type: ignore[attr-defined]
        set_locally(statement_timeout="60000")
        with db_transaction.atomic():
            set_locally(statement_timeout="100")
            db_transaction.set_rollback(True)
        assert value(connection, "SHOW statement_timeout") == "1min"
        assert raw.silence_limit == 60 + GRACE


def test_commands_have_no_limit() -> None:
    found = DatabaseWrapper({**server(), "LEDGER_TIMEOUTS": {}}, alias="default")
    found.ensure_connection()
    assert found.raw.silence_limit is None
    found.close()


def test_a_health_check_takes_no_longer_than_connecting(database: Any) -> None:
    with hanging(database), at_most(4):
        assert not database.is_usable()


def test_a_server_that_hangs_right_after_connecting_takes_no_longer_than_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It hangs before it is told which time zone the session has."""
    zone = "Asia/Tokyo"  # another one than the server's, so that it has to be sent
    options = {**server()["OPTIONS"], "connect_timeout": 1}
    found = DatabaseWrapper(
        {**server(), "OPTIONS": options, "TIME_ZONE": zone, **TIMEOUTS}, alias="default"
    )
    opened, stopped = found.open, ExitStack()

    def open_and_hang(*arguments: Any, **parameters: Any) -> Any:
        raw = opened(*arguments, **parameters)
        stopped.enter_context(standing_still([raw.info.backend_pid]))
        return raw

    monkeypatch.setattr(found.Database, "connect", open_and_hang)
    with stopped, at_most(4), pytest.raises(OperationalError):
        found.ensure_connection()


def test_each_address_of_a_name_is_tried_for_the_time_of_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two addresses whose kernel takes the connection, and nobody answers."""
    with ExitStack() as listening:
        first, second = (listening.enter_context(socket.socket()) for _ in range(2))
        first.bind(("127.0.0.2", 0))
        port = first.getsockname()[1]
        second.bind(("127.0.0.3", port))
        first.listen()
        second.listen()
        both = [(0, 0, 0, "", each.getsockname()) for each in (first, second)]
        monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: both)
        options = {**server()["OPTIONS"], "connect_timeout": 2}
        there = {"HOST": "bank.test", "PORT": port, "OPTIONS": options, "LEDGER_EMBEDDED": False}
        found = DatabaseWrapper({**server(), **there}, alias="default")
        began = time.monotonic()
        with at_most(6), pytest.raises(OperationalError):
            found.ensure_connection()
        assert time.monotonic() - began >= 4


def test_cleaning_a_session_takes_no_longer_than_connecting(database: Any) -> None:
    with hanging(database), at_most(4):
        database.forget_reader()
    assert database.connection is None


@pytest.mark.own_session
def test_a_readiness_probe_gives_a_server_up_that_hangs() -> None:
    with (
        at_most(6),
        pytest.raises(OperationalError),
        short_connection(1) as found,
        standing_still([found.info.backend_pid]),
    ):
        found.execute("SELECT 1")


def test_a_pool_whose_connections_all_hang_costs_one_wait() -> None:
    """It does not ask one after the other."""
    with own_pool(size=4, seconds=1) as through:
        several = [DatabaseWrapper(through, alias="default") for _ in range(4)]
        for each in several:
            each.ensure_connection()
        pids = {each.raw.info.backend_pid for each in several}
        for each in several:
            each.close()
        with standing_still(pids), at_most(2.5):
            assert value(several[0], "SELECT pg_backend_pid()") not in pids
        several[0].close()


def test_a_connection_of_a_pool_that_was_made_after_the_hang_is_checked_as_always() -> None:
    with own_pool(size=1, seconds=1) as through:
        database = DatabaseWrapper(through, alias="default")
        database.ensure_connection()
        pid = database.raw.info.backend_pid
        database.close()
        with standing_still([pid]):
            new = value(database, "SELECT pg_backend_pid()")
            database.close()
            assert value(database, "SELECT pg_backend_pid()") == new != pid
        database.close()


def test_a_connection_in_use_while_its_pool_lost_trust_is_ended_without_asking() -> None:
    with own_pool(size=1, seconds=1) as through:
        database = DatabaseWrapper(through, alias="default")
        pid = value(database, "SELECT pg_backend_pid()")
        database.distrust_pool()
        with standing_still([pid]), at_most(2.5):  # cleaning it would wait for 5 s
            database.close()
        assert value(database, "SELECT pg_backend_pid()") != pid
        database.close()


def test_all_connections_are_limited(database: Any) -> None:
    found = database.open(**database.get_connection_params())
    assert isinstance(found, LimitedConnection)
    assert found.silence_limit == 20 + GRACE
    found.close()
