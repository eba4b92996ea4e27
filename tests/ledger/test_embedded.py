"""The embedded server: starts, is shared, survives, stops."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import psycopg
import pytest

from ledger.db import embedded, placement, postmaster
from ledger.db.embedded import EmbeddedServer, EmbeddedServerError
from ledger.db.removal import delete_everything
from ledger.env import BASE_DIR
from tests.ledger.processes import manage, reachable_folder

Start = Callable[[Path], EmbeddedServer]


@pytest.fixture
def start(settings: object) -> Iterator[Start]:
    """Servers of the Postgres under test, each deleted at the end."""
    started: list[Path] = []

    def start_in(data_dir: Path) -> EmbeddedServer:
        started.append(data_dir)
        server = EmbeddedServer(data_dir, settings.LEDGER_PG)  # type: ignore[attr-defined]
        server.ensure_started()
        return server

    yield start_in
    for data_dir in started:
        delete_everything(data_dir)


def query(server: EmbeddedServer, sql: str) -> str:
    info = server.ensure_started()
    with psycopg.connect(
        host=info.host, port=info.port, user=info.user, dbname="ledger", autocommit=True
    ) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return str(row[0]) if row else ""


def pid_of(server: EmbeddedServer) -> int:
    found = postmaster.read(server.data)
    assert found is not None
    return found.pid


def test_a_role_that_an_older_server_lacks_is_made(folder: Path, start: Start) -> None:
    server = start(folder / "data")
    info = server.ensure_started()
    query(server, "DROP OWNED BY ledger_web")
    with psycopg.connect(
        host=info.host, port=info.port, user="postgres", dbname="postgres", autocommit=True
    ) as superuser:
        superuser.execute("DROP ROLE ledger_web")
    server.ensure_roles()
    assert query(server, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'ledger_web'") == "True"
    assert query(server, "SELECT pg_has_role('ledger', 'ledger_web', 'MEMBER')") == "True"


def test_two_processes_never_make_the_same_role(
    folder: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, both_inside, met = start(folder / "data"), Barrier(2), []

    def make(_info: object) -> None:
        with suppress(BrokenBarrierError):
            met.append(both_inside.wait(timeout=0.5))

    monkeypatch.setattr(embedded, "_create_roles_and_database", make)
    with ThreadPoolExecutor(2) as pool:
        for made in [pool.submit(server.ensure_roles) for _ in range(2)]:
            made.result()
    assert not met


def test_it_starts_with_a_database_for_the_role_ledger(folder: Path, start: Start) -> None:
    server = start(folder / "missing parent" / "data")

    assert server.is_running()
    assert query(server, "SHOW server_version").startswith(str(server.major))
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
    from django.conf import settings

    with reachable_folder() as folder:
        server = EmbeddedServer(folder / "data", settings.LEDGER_PG)
        yield server
        delete_everything(server.data_dir)


def test_letters_of_all_languages_have_a_case(shared: EmbeddedServer) -> None:
    assert query(shared, "SELECT lower('ÄØŁЖ')") == "äøłж"


def test_only_its_owner_may_enter_the_folder_of_the_socket(shared: EmbeddedServer) -> None:
    folder = Path(shared.ensure_started().host)

    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_second_process_uses_the_same_server(folder: Path, start: Start) -> None:
    server = start(folder)
    code = (
        "import sys; from pathlib import Path; from ledger.db.embedded import EmbeddedServer;"
        "print(EmbeddedServer(Path(sys.argv[1]), int(sys.argv[2])).ensure_started().host)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(server.major)],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.strip() == server.ensure_started().host


def test_many_first_connections_at_once_start_one_server(folder: Path, start: Start) -> None:
    with ThreadPoolExecutor(6) as pool:
        pids = set(pool.map(lambda _: pid_of(start(folder)), range(6)))

    assert len(pids) == 1


def test_the_path_may_hold_any_character(folder: Path, start: Start) -> None:
    assert start(folder / 'it\'s a "bank", $HOME & more').is_running()


def test_the_path_may_be_deeper_than_a_socket_can_be(folder: Path, start: Start) -> None:
    deep = folder / "/".join(["quite-a-long-name"] * 12)

    server = start(deep)

    assert len(str(deep)) > 200
    assert len(server.ensure_started().host) < placement.LONGEST_SOCKET_PATH


def test_stop_is_clean_and_data_stays(folder: Path, start: Start) -> None:
    server = start(folder)
    query(server, "CREATE TABLE kept AS SELECT 42 AS n")

    assert server.stop()
    assert not server.is_running()
    assert not server.stop()
    assert query(server, "SELECT n FROM kept") == "42"


def test_it_recovers_after_kill_9(folder: Path, start: Start) -> None:
    server = start(folder)
    query(server, "CREATE TABLE kept AS SELECT 42 AS n")
    killed = pid_of(server)

    os.kill(killed, signal.SIGKILL)
    while server.is_running():
        time.sleep(0.01)

    assert query(server, "SELECT n FROM kept") == "42"
    assert pid_of(server) != killed


def test_it_recovers_when_its_socket_was_deleted(folder: Path, start: Start) -> None:
    server = start(folder)
    query(server, "CREATE TABLE kept AS SELECT 42 AS n")
    lost = pid_of(server)
    for file in Path(server.ensure_started().host).glob(".s.PGSQL.*"):
        file.unlink()

    assert query(server, "SELECT n FROM kept") == "42"
    assert pid_of(server) != lost


def test_a_pid_file_whose_number_is_now_somebody_elses_does_not_matter(
    folder: Path, start: Start
) -> None:
    server = start(folder)
    lines = (server.data / postmaster.PID_FILE).read_text().splitlines()
    server.stop()
    other = subprocess.Popen(["sleep", "60"], user=placement.prepare(folder, server.major).uid)
    lines[0] = str(other.pid)
    (server.data / postmaster.PID_FILE).write_text("\n".join(lines) + "\n")

    try:
        assert pid_of(start(folder)) != other.pid
    finally:
        other.kill()
        other.wait()


def test_status_is_a_sentence(folder: Path, start: Start) -> None:
    server = start(folder)

    assert f"is running with process id {pid_of(server)}." in server.status()
    server.stop()
    assert "is not running." in server.status()


def test_a_file_in_place_of_the_data_folder_is_named(folder: Path) -> None:
    file = folder / "data"
    file.write_text("")

    with pytest.raises(EmbeddedServerError, match=r"cannot use .*data: .*not a folder"):
        EmbeddedServer(file).ensure_started()


def test_the_data_of_another_major_version_is_refused(folder: Path, start: Start) -> None:
    server = start(folder)
    server.stop()
    (server.data / "PG_VERSION").write_text("15\n")

    with pytest.raises(EmbeddedServerError, match="holds 15 Postgres data"):
        server.ensure_started()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_does_not_move_away_from_the_data_of_a_user(folder: Path, start: Start) -> None:
    server = start(folder / "data")
    server.stop()
    os.chown(server.data, 12345, 12345)
    os.chown(folder / "data", 12345, 12345)
    (folder / "data").chmod(0o700)

    with pytest.raises(EmbeddedServerError, match="belongs to the OS user 12345"):
        server.ensure_started()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_data_of_another_user_is_refused(folder: Path, start: Start) -> None:
    server = start(folder)
    server.stop()
    os.chown(server.data, 12345, 12345)

    with pytest.raises(EmbeddedServerError, match="belongs to the OS user 12345"):
        server.ensure_started()


def test_the_reason_of_a_failed_start_is_the_last_line_of_the_log(
    folder: Path, start: Start
) -> None:
    server = start(folder)
    server.stop()
    with (server.data / "postgresql.conf").open("a") as file:
        file.write("max_connections = many\n")

    with pytest.raises(EmbeddedServerError, match=r"does not start: .*contains errors"):
        server.ensure_started()


def test_django_starts_it_again_when_it_was_stopped_meanwhile(folder: Path, start: Start) -> None:
    start(folder)
    code = (
        "from django.db import connection as c; from ledger.db import embedded\n"
        "with c.cursor() as cursor: cursor.execute('SELECT 1')\n"
        "c.close(); assert embedded.stop() and not embedded.is_running()\n"
        "with c.cursor() as cursor: cursor.execute('SELECT 42'); print(cursor.fetchone()[0])"
    )

    done = manage(
        folder, "shell", "--no-imports", "-c", code, LEDGER_PG=os.environ.get("LEDGER_PG", "")
    )

    assert done.stdout == "42\n", done.stderr


def test_dbshell_uses_the_psql_of_the_wheel(folder: Path, start: Start) -> None:
    server = start(folder)

    done = manage(
        folder, "dbshell", "--", "-Atc", "SELECT 42", LEDGER_PG=str(server.major), PATH=""
    )

    assert done.stdout == "42\n", done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres runs as another user")
def test_where_its_user_cannot_enter_the_data_moves_and_a_note_says_so(
    tmp_path: Path, start: Start
) -> None:
    tmp_path.chmod(0o700)
    data_dir = tmp_path / "data"

    server = start(data_dir)

    assert server.is_running()
    assert server.data.is_relative_to(placement.SHARED)
    assert str(server.data.parent) in (data_dir / placement.NOTE).read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres runs as another user")
def test_a_copy_of_moved_data_gets_a_database_of_its_own(tmp_path: Path, start: Start) -> None:
    tmp_path.chmod(0o700)
    original = start(tmp_path / "data").data

    shutil.copytree(tmp_path / "data", tmp_path / "copy")

    assert start(tmp_path / "copy").data != original


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's Postgres runs as another user")
def test_moved_data_follows_its_project(tmp_path: Path, start: Start) -> None:
    tmp_path.chmod(0o700)
    original = start(tmp_path / "data").data

    (tmp_path / "data").rename(tmp_path / "elsewhere")

    assert start(tmp_path / "elsewhere").data == original


def test_deleting_leaves_nothing(folder: Path, start: Start) -> None:
    data_dir = folder / "/".join(["quite-a-long-name"] * 12)
    server = start(data_dir)
    socket_folder = Path(server.ensure_started().host)

    delete_everything(data_dir)

    assert not data_dir.exists()
    assert not socket_folder.exists()
