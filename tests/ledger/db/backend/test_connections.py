"""What each connection is given, and when one is closed instead of used again."""

import gc
import tracemalloc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db import transaction as db_transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.db.backend import replication
from ledger.db.backend.base import DatabaseWrapper
from ledger.db.backend.health import has_become_reader
from ledger.db.retry import Failure, OutcomeUnknown, failure_of
from tests.ledger.servers import value
from tests.pooler import directly, knows_transaction_timeout, server

pytestmark = pytest.mark.django_db(transaction=True)
TIMEOUTS = {"lock_timeout": 3, "statement_timeout": 4, "transaction_timeout": 900}


@pytest.fixture
def another() -> Iterator[Any]:
    """Further connections to the server of the test database with other settings."""
    made: list[BaseDatabaseWrapper] = []

    def another(**changes: Any) -> DatabaseWrapper:
        ours = server()
        options = {**ours["OPTIONS"], **changes.pop("OPTIONS", {})}
        found = DatabaseWrapper({**ours, "OPTIONS": options, **changes}, alias="default")
        made.append(found)
        return found

    yield another
    for each in made:
        each.close()


def test_a_web_process_limits_locks_statements_and_transactions(another: Any) -> None:
    found = another(LEDGER_TIMEOUTS=TIMEOUTS)

    assert value(found, "SHOW lock_timeout") == "3s"
    assert value(found, "SHOW statement_timeout") == "4s"
    if knows_transaction_timeout():
        assert value(found, "SHOW transaction_timeout") == "15min"


def test_the_limit_on_transactions_stays_after_a_session_is_cleaned(another: Any) -> None:
    if not knows_transaction_timeout():
        pytest.skip("Postgres knows transaction_timeout from 17 on")
    found = another(LEDGER_TIMEOUTS=TIMEOUTS)
    value(found, "SELECT 1")
    found.forget_reader()

    assert value(found, "SHOW transaction_timeout") == "15min"


def test_of_several_hosts_the_first_that_answers_is_taken(another: Any) -> None:
    there = server()["HOST"]
    found = another(HOST=f"/nowhere,{there}", OPTIONS={"target_session_attrs": "read-write"})

    assert value(found, "SELECT 1") == 1


def test_a_reader_is_not_taken_where_a_writer_is_asked_for(another: Any) -> None:
    found = another(
        OPTIONS={
            "target_session_attrs": "read-write",
            "options": "-c default_transaction_read_only=on",
        }
    )
    with pytest.raises(DatabaseError, match="read-only"):
        found.ensure_connection()


@pytest.mark.parametrize("asked", ["read-write", "primary"])
def test_a_connection_whose_server_became_a_reader_is_closed_at_the_next_request(
    another: Any, asked: str
) -> None:
    found = another(OPTIONS={"target_session_attrs": asked})
    pid = value(found, "SELECT pg_backend_pid()")
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")

    found.close_if_unusable_or_obsolete()  # as at the begin of a request
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_a_connection_on_which_a_write_was_refused_is_closed_at_the_next_request(
    another: Any,
) -> None:
    found = another()
    pid = value(found, "SELECT pg_backend_pid()")
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DatabaseError, match="read-only"):
        value(found, "CREATE TABLE refused (id int)")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_a_connection_is_kept_while_its_server_takes_writes(another: Any) -> None:
    found = another(OPTIONS={"target_session_attrs": "read-write"})
    pid = value(found, "SELECT pg_backend_pid()")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") == pid


def test_a_refused_write_is_forgotten_with_its_connection(another: Any) -> None:
    found = another()
    value(found, "SELECT set_config('default_transaction_read_only', 'on', false)")
    with pytest.raises(DatabaseError, match="read-only"):
        value(found, "CREATE TABLE refused (id int)")
    found.close_if_unusable_or_obsolete()
    pid = value(found, "SELECT pg_backend_pid()")

    found.close_if_unusable_or_obsolete()
    assert value(found, "SELECT pg_backend_pid()") == pid


NOBODY = {
    "no socket": {"HOST": "/nowhere"},
    "refused": {"HOST": "127.0.0.1", "PORT": "1"},
    "no such name": {"HOST": "bank.example"},
    "no such names": {"HOST": "bank.example,beside.example"},
}


@pytest.mark.parametrize("there", NOBODY.values(), ids=NOBODY)
def test_a_connection_that_was_never_made_has_done_nothing(
    there: dict[str, str], another: Any, no_names: None
) -> None:
    with pytest.raises(OperationalError) as failed:
        value(another(**there, LEDGER_EMBEDDED=False), "SELECT 1")
    assert failure_of(failed.value) is Failure.NOT_STARTED


def test_a_parameter_that_cannot_work_is_final(another: Any) -> None:
    with pytest.raises(DatabaseError) as failed:
        value(another(OPTIONS={"no_such_parameter": "1"}), "SELECT 1")
    assert failure_of(failed.value) is Failure.FINAL


def test_a_closed_connection_says_nothing_of_its_server(another: Any) -> None:
    found = another(OPTIONS={"target_session_attrs": "read-write"})
    found.ensure_connection()
    found.connection.close()

    assert not has_become_reader(found.connection, found.required_options)


def test_who_drops_a_closed_connection_frees_it_at_once(another: Any) -> None:
    """Without a wait for the garbage collector, though its warnings are heard."""
    found = another()
    found.ensure_connection()
    raw = ref(found.connection)
    gc.disable()
    try:
        found.close()
        assert raw() is None
    finally:
        gc.enable()


WARN = "DO $$ BEGIN RAISE WARNING 'something'; END $$"
WARN_AT_COMMIT = """
CREATE TEMPORARY TABLE written (number int);
CREATE FUNCTION pg_temp.warn() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'something'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON written DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION pg_temp.warn();
"""


@pytest.fixture
def cancelled_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any warning of PL/pgSQL stands for that of a cancelled wait for the standby, whose source is
    another file. tests/ledger/test_unconfirmed_commits.py has real ones.
    """
    monkeypatch.setattr(replication, "WAITS", "pl_exec.c")


def test_a_statement_whose_wait_for_the_standby_was_cancelled_is_of_unknown_outcome(
    another: Any, cancelled_wait: None
) -> None:
    found = another()
    with pytest.raises(OutcomeUnknown) as unknown, found.cursor() as cursor:
        cursor.execute(WARN)

    assert failure_of(unknown.value) is Failure.UNKNOWN
    assert value(found, "SELECT 1") == 1, "it is told once"


def test_a_commit_whose_wait_for_the_standby_was_cancelled_is_of_unknown_outcome(
    cancelled_wait: None,
) -> None:
    told: list[str] = []

    @db_transaction.atomic
    def write() -> None:
        db_transaction.on_commit(lambda: told.append("done"))
        cursor.execute("INSERT INTO written VALUES (1)")

    with directly(), connection.cursor() as cursor:
        cursor.execute(WARN_AT_COMMIT)
        with pytest.raises(OutcomeUnknown):
            write()
        cursor.execute("SELECT count(*) FROM written")
        assert cursor.fetchone() == (1,), "the primary has it"
    assert told == []


def test_other_warnings_change_nothing(another: Any) -> None:
    with another().cursor() as cursor:
        cursor.execute(WARN)


@pytest.mark.parametrize("is_logged", [False, True])
def test_closing_a_cursor_of_a_lost_connection_is_an_error_of_the_database(
    another: Any, *, is_logged: bool
) -> None:
    """Not psycopg's own, which no service runs again and which has no page."""
    found = another()
    found.force_debug_cursor = is_logged
    with found.chunked_cursor() as cursor:
        cursor.execute("SELECT generate_series(1, 9)")
        end_session_of(found)
        with pytest.raises(OperationalError) as lost:
            cursor.close()
    assert failure_of(lost.value) is Failure.UNKNOWN


def end_session_of(found: BaseDatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        pid = found.connection.info.backend_pid
        cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [pid])
        assert cursor.fetchone() == (True,)


def test_a_long_statement_does_not_stay_in_memory(another: Any) -> None:
    """Django puts values into the text of a statement, and psycopg keeps texts to count them."""
    database = another(OPTIONS={"prepare_threshold": 5})
    megabytes = [bytes([n]) * 1024**2 for n in range(8)]
    database.ensure_connection()
    tracemalloc.start()
    try:
        with database.cursor() as cursor:
            for body in megabytes:
                cursor.execute("SELECT octet_length(%s)", [body])
                assert cursor.fetchone() == (len(body),)
        held, _peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 8 * 1024**2  # 16 MiB of hexadecimal were sent


def test_a_short_statement_is_prepared_when_it_has_come_often(another: Any) -> None:
    database = another(OPTIONS={"prepare_threshold": 5})
    database.ensure_connection()
    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = 'SELECT 1 AS often'"
    with psycopg.Cursor(database.connection) as cursor:
        for _ in range(7):
            cursor.execute("SELECT 1 AS often")
        assert cursor.execute(prepared).fetchone() == (1,)
