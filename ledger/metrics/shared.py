"""What the processes of a web server count together, in files of a folder that they share.

Note [Slots]: prometheus_client keeps the values of each process in files that are named after its
process id, so that a server whose workers come and go would leave more files with each. Here the
name is a slot: a process takes the first one that no other holds, by a lock that the kernel gives
back when the process ends, however it ends. The next process goes on counting there, so no count
is lost and no hook of the web server is needed. Only gauges begin anew.
"""

import fcntl
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path
from threading import Lock
from typing import NoReturn

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own variable
SLOTS = "slots"
SIZE = 8  # bytes of a slot: the process id of its holder
MOST = 10_000
PREFIX = "ledger-metrics-"
# Files there are in memory: no full disk ends a process that writes a mapped page.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only the folder made in it is used
BOOT_ERROR = 3  # with any other exit code gunicorn would try again for ever
YOUNG = 60.0  # seconds in which a new folder may have nobody yet who holds it


class Slot:
    """The slot of this process. The file stays open: closing it would give the lock back."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._file = self._pid = -1
        self._number = -1

    def number(self) -> int:
        """Takes a slot at the first call, and again in a forked process."""
        if self._pid != os.getpid():
            with self._lock:
                if self._pid != os.getpid():
                    self._take()
                    self._pid = os.getpid()
        return self._number

    def _take(self) -> None:
        place = folder()
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._file < 0:
                self._file = os.open(place / SLOTS, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            _stop(f"{FOLDER} names a folder that cannot be used: {error.strerror}.")
        for number in range(MOST):
            if _locked(self._file, number * SIZE):
                break
        else:
            _stop(f"{FOLDER} is shared by more than {MOST} processes.")
        for left in place.glob(f"gauge_*_{number}.db"):
            left.unlink()
        os.pwrite(self._file, os.getpid().to_bytes(SIZE, "little"), number * SIZE)
        self._number = number

    def holders(self) -> dict[int, int]:
        """The process ids of all processes that share the folder, by slot."""
        mine = self.number()
        found = {mine: os.getpid()}
        for number in range(min(os.fstat(self._file).st_size // SIZE, MOST)):
            if number == mine:
                continue
            place = number * SIZE
            if _locked(self._file, place):
                fcntl.lockf(self._file, fcntl.LOCK_UN, SIZE, place)
            else:
                found[number] = int.from_bytes(os.pread(self._file, SIZE, place), "little")
        return found


_slot = Slot()


def is_shared() -> bool:
    """Whether the processes of this server count together."""
    return bool(os.environ.get(FOLDER))


def folder() -> Path:
    return Path(os.environ[FOLDER])


def slot() -> int:
    """The number of this process among those that share the folder. See Note [Slots]."""
    return _slot.number()


def processes() -> dict[int, int]:
    """The process ids of the running processes that count together, by slot."""
    return _slot.holders() if is_shared() else {0: os.getpid()}


def files() -> list[str]:
    """The files to add up: all counts, and the gauges of processes that run."""
    running = processes()
    return [
        str(file)
        for file in folder().glob("*.db")
        if not file.name.startswith("gauge_") or int(file.stem.rpartition("_")[2]) in running
    ]


def new_folder() -> Path:
    """A folder for the processes of a new server, which the first of them makes: in memory where
    the system has a place for that.
    """
    base = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    remove_left(base)
    return base / f"{PREFIX}{secrets.token_hex(8)}"


def remove_left(base: Path) -> None:
    """Removes our folders in `base` that no process holds any more: of servers that were killed."""
    for left in base.glob(f"{PREFIX}*"):
        try:
            facts = left.stat(follow_symlinks=False)
            if facts.st_uid != os.geteuid() or time.time() - facts.st_mtime < YOUNG:
                continue
            with (left / SLOTS).open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # all of it
                shutil.rmtree(left)
        except OSError:
            continue  # somebody holds it, or has just removed it


def _stop(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(BOOT_ERROR)


def _locked(file: int, place: int) -> bool:
    """Locks a slot for this process; False if another one holds it."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SIZE, place)
    except OSError:
        return False
    return True
