"""What deploy/aws tells Postgres: a real one takes it, and then logs no data of people."""

import re
import threading
from pathlib import Path

import psycopg
import pytest

from ledger.embedded import postmaster, roles
from tests.ledger.own_roles.conftest import PARAMETERS, ManagedServer
from tests.ledger.processes import wait_until

# Of RDS itself, and of an extension that the embedded server has not.
OF_AWS = re.compile(r"rds\.|pg_stat_statements\.|shared_preload_libraries")
HERE = {name: value for name, value in PARAMETERS.items() if not OF_AWS.match(name)}
VALUE = "robin@bank.example"


@pytest.fixture(scope="module")
def server(bare: ManagedServer) -> str:
    """The address of the superuser, on a server with these parameters."""
    running = postmaster.read(bare.server.data)
    assert running is not None
    with roles.as_superuser(running, "postgres") as connection:
        for name, value in HERE.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        wait_until(lambda: connection.execute("SHOW log_error_verbosity").fetchone() == ("terse",))
    return f"host='{running.socket_dir}' port={running.port} user=postgres dbname=postgres"


def _log(bare: ManagedServer) -> str:
    files = [*Path(bare.server.data, "log").glob("*.log"), *Path(bare.folder).glob("*.log")]
    return "".join(file.read_text(errors="replace") for file in files)


def test_postgres_takes_each_of_them(server: str) -> None:
    with psycopg.connect(server) as connection:
        found = {
            name: (setting, bool(pending), context)
            for name, setting, pending, context in connection.execute(
                "SELECT name, setting, pending_restart, context FROM pg_settings"
                " WHERE name = ANY (%s)",
                [list(HERE)],
            )
        }
    assert set(found) == set(HERE)
    for name, value in HERE.items():
        setting, waits, context = found[name]
        assert waits is (context == "postmaster"), name  # which is checked, and waits for a start
        if waits or name.startswith("tcp_"):
            continue  # 0 on this connection, which is a socket of files
        assert setting in (value, {"1": "on", "0": "off"}.get(value)), name


def test_what_fails_or_waits_leaves_no_value_in_the_log(server: str, bare: ManagedServer) -> None:
    with psycopg.connect(server, autocommit=True) as one, psycopg.connect(server) as other:
        one.execute("CREATE TABLE people (email text PRIMARY KEY)")
        one.execute("INSERT INTO people VALUES (%s)", [VALUE])
        for statement in (
            f"INSERT INTO people VALUES ('{VALUE}')",  # its detail has the value
            f"SELECT '{VALUE}'::integer / 0",
            f"SELECT * FROM nowhere WHERE email = '{VALUE}'",
        ):
            with pytest.raises(psycopg.Error):
                one.execute(statement.encode())
        other.execute("SELECT * FROM people FOR UPDATE")
        one.execute("SET lock_timeout = '2s'")
        waiting = threading.Thread(target=_wait, args=[one])
        waiting.start()
        waiting.join()
        one.execute("SET lock_timeout = 0")
        other.rollback()
        one.execute("DROP TABLE people")
    log = _log(bare)
    assert "still waiting for" in log  # log_lock_waits
    assert "duplicate key value" in log
    wrong = [line for line in log.splitlines() if VALUE in line and "invalid input" not in line]
    assert wrong == []


def _wait(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    with pytest.raises(psycopg.errors.LockNotAvailable):
        connection.execute(f"DELETE FROM people WHERE email = '{VALUE}'".encode())


def test_a_wrong_literal_is_what_the_message_itself_repeats(
    server: str, bare: ManagedServer
) -> None:
    """Postgres puts it into the message, which no parameter removes. Forms check their values
    before, so a value of a person does not come there.
    """
    with psycopg.connect(server) as connection, pytest.raises(psycopg.Error):
        connection.execute(f"SELECT '{VALUE}'::integer".encode())
    assert f'invalid input syntax for type integer: "{VALUE}"' in _log(bare)
