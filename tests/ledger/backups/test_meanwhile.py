"""What happens while a backup is written: nothing is overwritten, and a failure leaves nothing."""

import errno
import resource
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from ledger.backups import files
from ledger.db.server import tools
from tests.pooler import directly

pytestmark = pytest.mark.django_db(transaction=True)
Meanwhile = Callable[[], object]


@pytest.fixture
def during_the_dump(monkeypatch: pytest.MonkeyPatch) -> list[Meanwhile]:
    """What happens in the middle of each dump, in their order; nothing in one more."""
    given: list[Meanwhile] = []

    def pg_dump(_program: str, *arguments: str) -> None:
        (name,) = [each for each in arguments if each.startswith("--file=")]
        meanwhile = given.pop(0) if given else list
        with Path(name.removeprefix("--file=")).open("w") as stream:
            stream.write("half")
            stream.flush()
            meanwhile()
            stream.write("whole")

    monkeypatch.setattr(tools, "run", pg_dump)
    return given


@contextmanager
def full_disk() -> Iterator[Meanwhile]:
    """Lets this process write no file of more than 100 bytes: a dump here fits, no manifest. Until
    the block ends, because pytest too may write to a file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(file: Path) -> None:
    with directly():
        files.write(file)


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def test_of_two_backups_at_once_one_is_whole_and_the_other_is_told(
    during_the_dump: list[Meanwhile], tmp_path: Path
) -> None:
    file = tmp_path / "bank.backup"

    def another() -> None:
        with ThreadPoolExecutor(1) as other:
            other.submit(write, file).result()

    during_the_dump.append(another)
    with pytest.raises(files.BackupRefused, match="exists"):
        write(file)

    assert files.check(file).transactions == 0
    assert names(tmp_path) == ["bank.backup", "bank.backup.manifest"]
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("name", ["bank.backup", "bank.backup.manifest"])
def test_a_file_made_meanwhile_is_kept(
    name: str, during_the_dump: list[Meanwhile], tmp_path: Path
) -> None:
    theirs = tmp_path / name
    during_the_dump.append(lambda: theirs.write_text("mine"))

    with pytest.raises(files.BackupRefused, match=f"{name} exists"):
        write(tmp_path / "bank.backup")

    assert theirs.read_text() == "mine"
    assert names(tmp_path) == [name]


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run is killed right before the dump gets its name: nothing is cleaned up after it."""
    move = files._move

    def moved(draft: Path, file: Path, undo: ExitStack) -> None:
        if draft.name == "dump":
            undo.pop_all()  # what would be undone
            monkeypatch.setattr(Path, "rename", die)
            monkeypatch.setattr(Path, "hardlink_to", die)
            undo = ExitStack()
        move(draft, file, undo)

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(files, "_move", moved)


class Killed(BaseException):
    """The end of the process."""


@pytest.mark.usefixtures("during_the_dump", "killed")
def test_a_backup_that_is_killed_in_its_last_moves_leaves_no_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "bank.backup"

    with pytest.raises(Killed):
        write(file)

    assert names(tmp_path) == ["bank.backup.manifest"]
    assert files.Manifest.of(file).transactions == 0
    with pytest.raises(files.BackupRefused, match="There is no file"):
        files.check(file)
    with pytest.raises(files.BackupRefused, match="exists"):
        write(file)


@pytest.mark.usefixtures("during_the_dump")
def test_a_file_system_without_hard_links_takes_a_backup_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    file = tmp_path / "bank.backup"
    write(file)

    assert files.check(file).transactions == 0
    assert names(tmp_path) == ["bank.backup", "bank.backup.manifest"]
    with pytest.raises(files.BackupRefused, match="exists"):
        write(file)


def test_an_empty_file_is_refused_by_name(tmp_path: Path) -> None:
    (file := tmp_path / "bank.backup").touch()
    files.path_of(file).touch()

    with pytest.raises(files.BackupRefused, match="is empty"):
        files.check(file)


def test_a_manifest_that_cannot_be_written_whole_leaves_nothing(
    during_the_dump: list[Meanwhile], tmp_path: Path
) -> None:
    with full_disk() as fill:
        during_the_dump.append(fill)
        with pytest.raises(files.BackupRefused, match="cannot be written"):
            write(tmp_path / "bank.backup")

    assert names(tmp_path) == []
