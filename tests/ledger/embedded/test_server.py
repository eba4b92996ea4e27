"""The embedded server: starts, is shared, survives, stops."""

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from ledger.db.rights.role_setup import EXPLORER_SETTINGS
from ledger.db.server.embedded import MAJOR
from ledger.embedded import roles
from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from ledger.env import BASE_DIR
from tests.ledger.processes import manage, reachable_folder, wait_until
from tests.ledger.servers import Start, pid_of, query, superuser_of


def test_a_role_that_an_older_server_lacks_is_made(shared: EmbeddedServer) -> None:
    server = shared
    info = server.ensure_started()
    query(server, "DROP OWNED BY ledger_web")
    with psycopg.connect(
        host=info.host, port=info.port, user="postgres", dbname="postgres", autocommit=True
    ) as superuser:
        superuser.execute("DROP ROLE ledger_web")
    server.ensure_roles()
    assert query(server, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ledger_web'") == "True"
    assert query(server, "SELECT pg_has_role('ledger', 'ledger_web', 'MEMBER')") == "True"


def test_a_worker_of_postgres_15_becomes_the_owner_no_longer(shared: EmbeddedServer) -> None:
    """There every member could; triggers asked for the membership once."""
    info = shared.ensure_started()
    with superuser_of(shared) as superuser:
        superuser.execute("REVOKE ledger FROM ledger_worker")
        superuser.execute("GRANT ledger TO ledger_worker")
    with psycopg.connect(
        host=info.host, port=info.port, user="ledger_worker", dbname="ledger", autocommit=True
    ) as worker:
        worker.execute("SET ROLE ledger; RESET ROLE")
        shared.ensure_roles()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            worker.execute("SET ROLE ledger")
    rights = "SELECT pg_has_role('ledger_worker', 'ledger', '{}')"
    assert query(shared, rights.format("MEMBER")) == "False"
    assert query(shared, rights.format("USAGE")) == "False"


def test_what_a_role_set_for_itself_is_gone_at_the_next_start(shared: EmbeddedServer) -> None:
    """Postgres lets every role do that, and it would begin each connection and outlive restarts."""
    query(shared, "SET ROLE ledger_web; ALTER ROLE CURRENT_USER SET search_path = elsewhere")
    query(shared, "ALTER ROLE ledger IN DATABASE ledger SET search_path = elsewhere")
    kept = "SELECT string_agg(setconfig::text, ' ' ORDER BY setconfig) FROM pg_db_role_setting"
    assert "elsewhere" in query(shared, kept)
    shared.ensure_roles()
    of_explorer = ",".join(f"{name}={value}" for name, value in EXPLORER_SETTINGS.items())
    of_web_and_worker = "{track_activities=off} {track_activities=off}"
    assert query(shared, kept) == f"{of_web_and_worker} {{{of_explorer}}}"


def test_settings_of_roles_that_are_right_stay_at_a_start(shared: EmbeddedServer) -> None:
    """While they are made anew, a session could begin without its limits."""
    shared.ensure_roles()
    rows = "SELECT string_agg(xmin::text, ' ' ORDER BY setrole) FROM pg_db_role_setting"
    before = query(shared, rows)
    shared.ensure_roles()
    assert query(shared, rows) == before


def test_migrations_that_end_at_the_same_time_do_not_meet(shared: EmbeddedServer) -> None:
    shared.ensure_started()

    def end(_number: int) -> None:
        for _ in range(10):
            shared.revoke_public_rights("ledger")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(end, range(4))) == [None] * 4


def test_no_session_of_a_web_process_sees_the_statements_of_another(shared: EmbeddedServer) -> None:
    info = shared.ensure_started()
    shared.ensure_roles()
    where = make_conninfo(host=info.host, port=info.port, user="ledger_web", dbname="ledger")
    with psycopg.connect(where, autocommit=True) as one, psycopg.connect(where) as other:
        one.execute("SELECT 'secret'")
        seen = other.execute(
            "SELECT query FROM pg_stat_activity WHERE pid = %s", [one.info.backend_pid]
        ).fetchone()
        assert seen is not None
        assert "secret" not in (seen[0] or "")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            one.execute("SET track_activities = on")


def test_roles_are_made_under_the_lock_of_the_data_folder(
    shared: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise two processes could both find a role missing, and both create it."""
    shared.ensure_started()
    refused = []

    def try_to_lock(_info: object) -> None:
        with (shared.data_dir / "embedded.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                refused.append(True)

    monkeypatch.setattr(roles, "create", try_to_lock)
    shared.ensure_roles()
    assert refused == [True]


def test_it_starts_with_a_database_for_the_role_ledger(folder: Path, start: Start) -> None:
    server = start(folder / "missing parent" / "data")

    assert server.is_running()
    assert query(server, "SHOW server_version").startswith(str(MAJOR))
    assert query(server, "SELECT current_user") == "ledger"
    owner = "SELECT datdba::regrole FROM pg_database WHERE datname = current_database()"
    assert query(server, owner) == "ledger"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("data_checksums", "on"),
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("lc_messages", "C"),
        ("TimeZone", "UTC"),
        ("server_encoding", "UTF8"),
    ],
)
def test_it_is_set_up_for_a_bank(name: str, value: str, shared: EmbeddedServer) -> None:
    assert query(shared, f"SHOW {name}") == value


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedServer]:
    """One server for the tests that do not stop it."""
    with reachable_folder() as folder:
        server = EmbeddedServer(folder / "data")
        yield server
        delete_everything(server.data_dir)


def test_letters_of_all_languages_have_a_case(shared: EmbeddedServer) -> None:
    assert query(shared, "SELECT lower('ÄØŁЖ')") == "äøłж"


def test_only_its_owner_may_enter_the_folder_of_the_socket(shared: EmbeddedServer) -> None:
    folder = Path(shared.ensure_started().host)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_process_uses_the_same_server(shared: EmbeddedServer) -> None:
    host = shared.ensure_started().host
    code = (
        "import sys; from pathlib import Path; from ledger.embedded.server import EmbeddedServer;"
        "print(EmbeddedServer(Path(sys.argv[1])).ensure_started().host)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(shared.data_dir)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == host


def test_many_first_connections_at_once_start_one_server(folder: Path, start: Start) -> None:
    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(lambda _: pid_of(start(folder)), range(6)))

    assert len(pids) == 1


def test_stop_is_clean_and_data_stays(folder: Path, start: Start) -> None:
    server = start(folder)
    query(server, "CREATE TABLE kept AS SELECT 42 AS n")
    assert server.is_running()

    assert server.stop()
    assert not server.is_running()
    assert not server.stop()
    assert query(server, "SELECT n FROM kept") == "42"


def test_it_recovers_after_kill_9(folder: Path, start: Start) -> None:
    server = start(folder)
    query(server, "CREATE TABLE kept AS SELECT 42 AS n")
    killed = pid_of(server)

    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: not server.is_running())

    assert query(server, "SELECT n FROM kept") == "42"
    assert pid_of(server) != killed


def test_django_starts_it_again_when_it_was_stopped_meanwhile(folder: Path, start: Start) -> None:
    start(folder)
    code = (
        "from django.db import connection as c; server = c.embedded_server\n"
        "with c.cursor() as cursor: cursor.execute('SELECT 1')\n"
        "c.close(); assert server.stop() and not server.is_running()\n"
        "with c.cursor() as cursor: cursor.execute('SELECT 42'); print(cursor.fetchone()[0])"
    )

    done = manage(folder, "shell", "--no-imports", "-c", code)

    assert done.stdout == "42\n", done.stderr


def test_dbshell_uses_the_psql_of_the_wheel(shared: EmbeddedServer) -> None:
    done = manage(shared.data_dir, "dbshell", "--", "-Atc", "SELECT 42", PATH="")

    assert done.stdout == "42\n", done.stderr
