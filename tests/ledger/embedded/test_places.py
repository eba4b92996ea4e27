"""The embedded server in unusual places: long paths, other users, moved and copied data."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ledger.db.server.embedded import EmbeddedServerError, programs
from ledger.embedded import placement, postmaster
from ledger.embedded.removal import delete_everything
from ledger.embedded.server import EmbeddedServer
from tests.ledger.servers import Start, pid_of, query


def test_the_path_may_hold_any_character(folder: Path, start: Start) -> None:
    assert start(folder / 'it\'s a "bank", $HOME & more').is_running()


def test_the_path_may_be_deeper_than_a_socket_can_be(folder: Path, start: Start) -> None:
    deep = folder / "/".join(["quite-a-long-name"] * 12)

    server = start(deep)

    assert len(str(deep)) > 200
    assert len(server.ensure_started().host) < placement.MAX_SOCKET_PATH


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
    other = subprocess.Popen(["sleep", "60"], user=placement.prepare(folder).uid)
    lines[0] = str(other.pid)
    (server.data / postmaster.PID_FILE).write_text("\n".join(lines) + "\n")

    try:
        assert pid_of(start(folder)) != other.pid
    finally:
        other.kill()
        other.wait()


def test_a_file_in_place_of_the_data_folder_is_named(folder: Path) -> None:
    file = folder / "data"
    file.write_text("")

    with pytest.raises(EmbeddedServerError, match=r"/data: .*not a folder"):
        EmbeddedServer(file).ensure_started()


def test_the_data_of_another_major_version_is_refused(folder: Path, start: Start) -> None:
    server = start(folder)
    server.stop()
    (server.data / "PG_VERSION").write_text("15\n")

    with pytest.raises(EmbeddedServerError, match="contains the data of Postgres 15"):
        server.ensure_started()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_root_does_not_move_away_from_the_data_of_a_user(folder: Path, start: Start) -> None:
    server = start(folder / "data")
    server.stop()
    os.chown(server.data, 12345, 12345)
    os.chown(folder / "data", 12345, 12345)
    (folder / "data").chmod(0o700)

    with pytest.raises(EmbeddedServerError, match="OS user 12345"):
        server.ensure_started()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_data_of_another_user_is_refused(folder: Path, start: Start) -> None:
    server = start(folder)
    server.stop()
    os.chown(server.data, 12345, 12345)

    with pytest.raises(EmbeddedServerError, match="OS user 12345"):
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


def test_programs_are_copied_with_the_libraries_that_they_look_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "SHARED", folder)

    copied = placement._copy_programs(programs())

    assert copied.is_relative_to(folder)
    for program in ("postgres", "psql", "pg_dump"):
        subprocess.run([copied / program, "--version"], check=True, capture_output=True)
    share = copied.parent / "share"
    assert list(share.rglob("unaccent.control"))


def test_deleting_leaves_nothing(folder: Path, start: Start) -> None:
    data_dir = folder / "/".join(["quite-a-long-name"] * 12)
    server = start(data_dir)
    socket_folder = Path(server.ensure_started().host)

    delete_everything(data_dir)

    assert not data_dir.exists()
    assert not socket_folder.exists()
