"""Django's work on connections of AWS's driver, which takes a pair of local servers for Aurora."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from aws_advanced_python_wrapper.errors import FailoverSuccessError
from django.db import IntegrityError, InternalError, OperationalError
from pytest_django import DjangoDbBlocker

from ledger.db.aws.base import DatabaseWrapper
from ledger.db.retry import Failure, failure_of
from ledger.env import BASE_DIR
from ledger.tracing import spans
from tests.ledger.db.aws.cluster import USUAL, Cluster, cluster
from tests.ledger.processes import LONG, environment
from tests.ledger.servers import value
from tests.pooler import own_pool

# The driver leaves some connections of its own to be closed by the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
WHERE = "SELECT aurora_db_instance_identifier()"
SPLITTING = f"read_write_splitting,{USUAL}"


@pytest.fixture(scope="module")
def aurora() -> Iterator[Cluster]:
    """A writer, and two readers that are one server with two addresses."""
    with cluster(second=("2", "3")) as found:
        with psycopg.connect(**found.parameters, autocommit=True) as connection:
            connection.execute("CREATE TABLE notes (id int PRIMARY KEY, words text)")
            connection.execute("INSERT INTO notes SELECT i, 'n' || i FROM generate_series(1, 9) i")
        yield found


@pytest.fixture
def database(
    aurora: Cluster, django_db_blocker: DjangoDbBlocker
) -> Iterator[Callable[..., DatabaseWrapper]]:
    """Makes wrappers for the cluster."""
    made: list[DatabaseWrapper] = []

    def database(plugins: str = USUAL, **options: Any) -> DatabaseWrapper:
        found = aurora.wrapper(plugins, **options)
        made.append(found)
        return found

    with own_pool(), django_db_blocker.unblock():  # for no other pool of this alias
        yield database
        for each in made:
            each.close()
            each.close_pool()


@pytest.fixture
def usual(database: Callable[..., DatabaseWrapper]) -> DatabaseWrapper:
    return database()


def count(database: DatabaseWrapper) -> int:
    return int(value(database, "SELECT count(*) FROM notes"))


def test_it_knows_the_writer_and_the_readers(usual: DatabaseWrapper) -> None:
    assert value(usual, WHERE) == "1"
    roles = {host.host[-1]: host.role.name for host in usual.connection._plugin_service.all_hosts}
    assert roles == {"1": "WRITER", "2": "READER", "3": "READER"}


def test_a_session_is_set_up_as_ever(usual: DatabaseWrapper) -> None:
    assert value(usual, "SHOW lock_timeout") == "3s"
    assert value(usual, "SHOW timezone") == "UTC"


def test_an_atomic_block_commits_or_rolls_back(usual: DatabaseWrapper) -> None:
    sent: list[str] = []

    def send(command: str, really: Callable[[], None]) -> None:
        sent.append(command)
        really()

    usual.transaction_wrapper = send
    usual.set_autocommit(False)
    value(usual, "INSERT INTO notes VALUES (10, 'in') RETURNING id")
    usual.rollback()
    value(usual, "INSERT INTO notes VALUES (11, 'in') RETURNING id")
    usual.commit()
    usual.set_autocommit(True)

    assert sent == ["BEGIN", "ROLLBACK", "COMMIT"]
    assert value(usual, "DELETE FROM notes WHERE id > 9 RETURNING id") == 11


def test_a_broken_rule_keeps_its_name(usual: DatabaseWrapper) -> None:
    with pytest.raises(IntegrityError) as refused:
        value(usual, "INSERT INTO notes VALUES (1, 'again')")

    cause = refused.value.__cause__
    assert isinstance(cause, psycopg.errors.UniqueViolation)
    assert cause.diag.constraint_name == "notes_pkey"
    assert failure_of(refused.value) is Failure.FINAL


def test_rows_are_copied_in_and_out(usual: DatabaseWrapper) -> None:
    with usual.cursor() as cursor:
        with cursor.copy("COPY notes FROM STDIN") as copy:
            for number in range(100, 200):
                copy.write_row((number, "copied"))
        with cursor.copy("COPY (SELECT * FROM notes WHERE id >= 100) TO STDOUT") as copy:
            assert len(list(copy.rows())) == 100
        cursor.execute("DELETE FROM notes WHERE id >= 100")
    assert count(usual) == 9


def test_statements_copies_and_commits_are_traced(
    traced: Any, database: Callable[..., DatabaseWrapper]
) -> None:
    found = database()
    found.ensure_connection()
    with spans.begin("test"):
        found.set_autocommit(False)
        with found.cursor() as cursor, cursor.copy("COPY notes FROM STDIN") as copy:
            copy.write_row((300, "copied"))
        assert value(found, "DELETE FROM notes WHERE id >= %s RETURNING id", 300) == 300
        found.commit()
        found.set_autocommit(True)
    names = [span.name for span in traced.spans]
    assert names == ["test", "COPY notes", "DELETE notes", "COMMIT"]
    assert traced.facts("DELETE notes", "ledger.affected_rows") == [1]


def test_a_pipeline_sends_statements_together(usual: DatabaseWrapper) -> None:
    usual.ensure_connection()
    with usual.raw.pipeline(), usual.cursor() as one, usual.cursor() as other:
        one.execute("SELECT 1")
        other.execute("SELECT 2")
        assert (one.fetchone(), other.fetchone()) == ((1,), (2,))


def test_rows_come_in_pieces_from_a_cursor_on_the_server(usual: DatabaseWrapper) -> None:
    with usual.chunked_cursor() as cursor:
        cursor.execute("SELECT id FROM notes ORDER BY id")
        assert cursor.fetchmany(2) == [(1,), (2,)]
        assert value(usual, "SELECT count(*) FROM pg_cursors") == 1
        assert len(cursor.fetchall()) == 7


def test_a_statement_is_prepared_and_its_values_are_told(usual: DatabaseWrapper) -> None:
    with usual.prepared_cursor() as cursor:
        cursor.execute("SELECT words FROM notes WHERE id = %s", [3])
        assert cursor.fetchone() == ("n3",)
        told = usual.ops.last_executed_query(cursor.cursor, "SELECT %s", [3])
    assert "3" in told
    assert value(usual, "SELECT count(*) FROM pg_prepared_statements") == 1


class SignedIn:
    """Somebody signed in."""

    def token(self) -> str:
        return "signed"


@pytest.mark.parametrize("kind", ["cursor", "chunked_cursor", "prepared_cursor"])
def test_the_token_of_the_reader_goes_with_a_statement(kind: str, usual: DatabaseWrapper) -> None:
    from ledger.db.rights.row_security import SETTING

    usual.reader = SignedIn()  # type: ignore[assignment]
    with getattr(usual, kind)() as cursor:
        cursor.execute(f"SELECT current_setting('{SETTING}', true)")
        assert cursor.fetchone() == ("signed",)
    usual.reader = None
    assert not value(usual, f"SELECT current_setting('{SETTING}', true)")


def test_a_session_is_cleaned_without_the_driver(usual: DatabaseWrapper) -> None:
    value(usual, "SELECT set_config('application_name', 'smuggled', false)")
    usual.forget_reader()

    assert value(usual, "SHOW application_name") == ""


def test_a_session_that_was_ended_is_not_used_again(usual: DatabaseWrapper) -> None:
    with pytest.raises(OperationalError):
        value(usual, "SELECT pg_terminate_backend(pg_backend_pid())")
    usual.close_if_unusable_or_obsolete()

    assert count(usual) == 9


def test_a_pool_gives_out_connections_of_the_driver(
    database: Callable[..., DatabaseWrapper],
) -> None:
    found = database(pool={"min_size": 1, "max_size": 1, "timeout": 10})
    pid = value(found, "SELECT pg_backend_pid()")
    found.close()
    assert value(found, "SELECT pg_backend_pid()") == pid
    assert found.connection._plugin_service.all_hosts

    with pytest.raises(OperationalError):
        value(found, "SELECT pg_terminate_backend(pg_backend_pid())")
    found.close()
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_a_pool_does_not_get_a_connection_back_under_which_the_driver_put_another_server(
    database: Callable[..., DatabaseWrapper],
) -> None:
    """It lives, so that without its end the pool would give it to the next request."""
    found = database(pool={"min_size": 1, "max_size": 1, "timeout": 10})
    pid = value(found, "SELECT pg_backend_pid()")

    with pytest.raises(OperationalError), found.wrap_database_errors:
        raise FailoverSuccessError("another server is the writer")

    assert found.connection is None
    assert value(found, "SELECT pg_backend_pid()") != pid


def test_reading_is_split_from_writing(database: Callable[..., DatabaseWrapper]) -> None:
    found = database(SPLITTING)
    assert value(found, WHERE) == "1"
    found.connection.read_only = True
    assert value(found, WHERE) in ("2", "3")
    assert value(found, "SELECT pg_is_in_recovery()")
    found.connection.read_only = False
    assert value(found, WHERE) == "1"


def test_an_alias_that_only_reads_is_on_a_reader(
    database: Callable[..., DatabaseWrapper],
) -> None:
    found = database(SPLITTING, read_only=True)

    assert value(found, WHERE) in ("2", "3")
    assert found.is_usable()  # a reader, as it was asked for
    found.set_autocommit(False)
    with pytest.raises(InternalError, match="read-only"):
        value(found, "DELETE FROM notes RETURNING id")
    found.rollback()


def test_readers_take_turns(aurora: Cluster, database: Callable[..., DatabaseWrapper]) -> None:
    seen = []
    for _ in range(4):
        found = database(SPLITTING, read_only=True)
        found.settings_dict["LEDGER_DRIVER"]["reader_host_selector_strategy"] = "round_robin"
        seen.append(value(found, WHERE))
        found.close()

    assert seen in (["2", "3"] * 2, ["3", "2"] * 2)


@pytest.mark.parametrize(
    "there", [{"PORT": "1"}, {"HOST": "bank.example"}], ids=["refused", "no such name"]
)
def test_errors_of_connecting_mean_that_nothing_was_done(
    there: dict[str, str], aurora: Cluster, usual: DatabaseWrapper, no_names: None
) -> None:
    usual.settings_dict |= there
    usual.settings_dict["LEDGER_DRIVER"] |= {"failover_timeout_sec": 1, "plugins": ""}

    with pytest.raises(OperationalError) as failed:
        usual.ensure_connection()
    assert failure_of(failed.value) is Failure.NOT_STARTED


def test_an_endpoint_that_leads_to_a_reader_is_left_for_the_writer(
    aurora: Cluster, usual: DatabaseWrapper
) -> None:
    usual.settings_dict["HOST"] = f"{aurora.network}2"  # as DNS may say after a failover

    assert value(usual, WHERE) == "1"


FORKS = """
import os, threading, django
django.setup()
from django.db import connection

def watched():
    return any("HostMonitoring" in thread.name for thread in threading.enumerate())

def session():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]

before = session()
if (child := os.fork()) == 0:
    os._exit(0 if session() != before and watched() else 1)
assert os.waitpid(child, 0)[1] == 0
assert session() == before and watched()
print("each has its own")
"""


WRITER_AND_READER = """
import django
django.setup()
from django.db import connections

for alias in connections:
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT aurora_db_instance_identifier() > '1', pg_is_in_recovery(),"
            " current_setting('default_transaction_read_only')"
        )
        print(alias, *cursor.fetchone())
"""


def run(code: str, data_dir: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env=environment(data_dir, DJANGO_SETTINGS_MODULE="ledger.settings", **settings),
        capture_output=True,
        text=True,
        timeout=LONG,
        check=False,
    )


def test_a_forked_process_has_connections_of_its_own(aurora: Cluster, tmp_path: Path) -> None:
    done = run(FORKS, tmp_path, aurora.settings)
    assert done.stdout == "each has its own\n", done.stderr


def test_the_settings_of_splitting_give_an_alias_on_a_reader(
    aurora: Cluster, tmp_path: Path
) -> None:
    done = run(WRITER_AND_READER, tmp_path, {**aurora.settings, "DB_AWS_PLUGINS": SPLITTING})
    assert done.stdout == "default False False off\nread True True on\n", done.stderr
