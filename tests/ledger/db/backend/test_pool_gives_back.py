"""What a pool of connections never gives out again: what the last request left in its session, and
a connection that is of no more use.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, ProgrammingError, connection
from django.db.backends.signals import connection_created
from django.test import Client
from psycopg_pool.base import AttemptWithBackoff

from ledger.db import retry
from ledger.db.backend.limited import GRACE
from ledger.jobs.silence import limited_connections
from tests.pooler import beside, connected, knows_transaction_timeout, own_pool

pytestmark = pytest.mark.django_db(transaction=True)
PID = "SELECT pg_backend_pid()"
# What a request leaves, and how to see that it is there.
LEFT = {
    "a setting": ("SET search_path = elsewhere", "SELECT 1 WHERE current_schema() IS NULL"),
    "a setting of ours": (
        "SELECT set_config('ledger.reader', 'forged', false)",
        "SELECT 1 WHERE current_setting('ledger.reader', true) <> ''",
    ),
    "a role": (
        f"SET ROLE {settings.LEDGER_WEB_ROLE}",
        f"SELECT 1 WHERE current_user = '{settings.LEDGER_WEB_ROLE}'",
    ),
    "a time zone": (
        "SET TIME ZONE 'Asia/Tokyo'",
        "SELECT 1 WHERE current_setting('TimeZone') <> 'UTC'",
    ),
    "a prepared statement": ("PREPARE mine AS SELECT 1", "SELECT 1 FROM pg_prepared_statements"),
    "a cursor with hold": (
        "DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
        "SELECT 1 FROM pg_cursors WHERE is_holdable",
    ),
    "an advisory lock": (
        "SELECT pg_advisory_lock(1)",
        "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    ),
    "a channel": ("LISTEN mine", "SELECT pg_listening_channels()"),
    "a temporary table": (
        "CREATE TEMPORARY TABLE mine (id int)",
        "SELECT 1 WHERE to_regclass('pg_temp.mine') IS NOT NULL",
    ),
    "a transaction": ("BEGIN", "SELECT 1 WHERE pg_current_xact_id_if_assigned() IS NOT NULL"),
}


@pytest.fixture
def database() -> Iterator[Any]:
    """A connection from a pool that has one."""
    with own_pool() as through, connected(through) as found:
        yield found


def rows(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("left", LEFT)
def test_the_next_request_finds_nothing_of_the_last(left: str, database: Any) -> None:
    leave, look = LEFT[left]
    rows(leave)
    if left != "a transaction":
        assert rows(look) != []
    database.close()  # as at the end of a request

    assert rows(look) == []


def test_a_clean_connection_is_used_again(database: Any) -> None:
    (pid,) = rows(PID)
    rows("SET search_path = elsewhere")
    database.close()

    assert rows(PID) == [pid]


def test_limits_of_time_stay_when_a_connection_is_cleaned() -> None:
    limits = {"lock_timeout": 3, "transaction_timeout": 900}
    with own_pool(LEDGER_TIMEOUTS=limits) as through, connected(through) as database:
        rows("SET lock_timeout = 0; SET statement_timeout = 1")
        database.close()

        assert rows("SHOW lock_timeout") == [("3s",)]
        assert rows("SHOW statement_timeout") == [("0",)]
        if knows_transaction_timeout():
            assert rows("SHOW transaction_timeout") == [("15min",)]


def test_limits_of_time_of_the_client_do_not_stay_with_a_connection() -> None:
    """Those of a worker: a time for each statement, and when it gives its server up."""
    limits = {"statement_timeout": 20}
    with own_pool(LEDGER_TIMEOUTS=limits) as through, connected(through) as database:
        with limited_connections(0.3, lambda: True):
            ((pid,),) = rows(PID)
        assert rows(PID) == [(pid,)]
        assert database.raw.silence_limit == 20 + GRACE
        assert database.raw.gives_up is None


OTHER = SimpleNamespace(vendor="mysql", settings_dict={"ENGINE": "django.db.backends.mysql"})


def test_limits_of_time_leave_out_databases_of_other_engines() -> None:
    with limited_connections(0.3):
        connection_created.send(sender=None, connection=OTHER)


def end(pid: int) -> None:
    """End a session, as a failover or an administrator does."""
    with beside() as other:
        assert other.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() == (True,)


def test_a_connection_that_died_in_the_pool_is_not_given_out(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 3600.0)  # it waits for nothing
    ((pid,),) = rows(PID)
    database.close()
    end(pid)

    assert rows(PID) != [(pid,)]


def test_after_a_restart_of_the_server_no_request_waits_for_the_dead_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(AttemptWithBackoff, "INITIAL_DELAY", 3600.0)
    with own_pool(size=4) as through, connected(through) as database:
        database.ensure_connection()
        pool = database.pool
        held = [pool.getconn() for _ in range(3)]
        for raw in held:
            pool.putconn(raw)
        database.close()
        for raw in list(pool._pool):
            end(raw.info.backend_pid)

        assert rows("SELECT 1") == [(1,)]


def test_a_connection_that_died_in_a_request_does_not_come_back(database: Any) -> None:
    ((pid,),) = rows(PID)
    end(pid)
    with pytest.raises(OperationalError):
        rows("SELECT 1")
    database.close()

    assert rows(PID) != [(pid,)]


def test_a_connection_with_an_error_is_ended_without_asking_its_server(
    database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs would never answer."""
    ((pid,),) = rows(PID)
    with pytest.raises(ProgrammingError):
        rows("SELECT nothing")
    monkeypatch.setattr(type(database), "_is_cleaned", None)
    database.close()
    monkeypatch.undo()

    assert rows(PID) != [(pid,)]


def test_a_writer_that_refused_a_write_does_not_come_back(database: Any) -> None:
    ((pid,),) = rows(PID)
    rows("SET default_transaction_read_only = on")
    with pytest.raises(DatabaseError, match="read-only"):
        rows("CREATE TABLE refused (id int)")
    database.close()

    assert rows(PID) != [(pid,)]


def test_a_pool_that_has_no_connection_left_has_begun_nothing() -> None:
    with own_pool(seconds=1) as through, connected(through) as database:
        database.ensure_connection()
        held = database.connection
        database.connection = None
        try:
            with pytest.raises(OperationalError) as caught:
                rows("SELECT 1")
        finally:
            database.pool.putconn(held)
    assert retry.failure_of(caught.value) is retry.Failure.NOT_STARTED


def test_a_short_connection_of_a_probe_takes_none_from_the_pool(
    database: Any, client: Client
) -> None:
    database.ensure_connection()  # the only one
    assert client.get("/readyz").json() == {"status": "ready"}
