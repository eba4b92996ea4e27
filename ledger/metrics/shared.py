"""Metrics that all processes of a web server share, in files of one folder.

Note [Slots]: prometheus_client names the files of a process after its process id, so each new
process would add files. Here the name is a slot number instead. A process takes the first free slot
with a file lock, which the kernel releases when the process ends. The next process in this slot
continues the counters, so counts are not lost. Only gauges start again from zero.
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

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # the environment variable of prometheus_client
SLOTS = "slots"
SIZE = 8  # bytes per slot, which contain the id of the process that uses the slot
MAX_SLOTS = 10_000
PREFIX = "ledger-metrics-"
# Files in this folder are in memory. On a full disk, writing to a mapped page would end the
# process.
IN_MEMORY = Path("/dev/shm")  # noqa: S108 - only the folder made in it is used
BOOT_ERROR = 3  # after any other exit code, gunicorn would restart the worker again and again
# Seconds after the creation of a folder, in which its process may not have locked it yet.
YOUNG = 60.0


class Slot:
    """The slot of this process: see Note [Slots]. The lock file stays open, because closing it
    would release the lock.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._file = self._pid = -1
        self._number = -1

    def number(self) -> int:
        """Returns the slot number of this process. Takes a new slot at the first call and after
        each fork.
        """
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
        for number in range(MAX_SLOTS):
            if _locked(self._file, number * SIZE):
                break
        else:
            _stop(f"{FOLDER} is shared by more than {MAX_SLOTS} processes.")
        for left in place.glob(f"gauge_*_{number}.db"):
            left.unlink()
        os.pwrite(self._file, os.getpid().to_bytes(SIZE, "little"), number * SIZE)
        self._number = number

    def holders(self) -> dict[int, int]:
        """Returns the ids of all processes that share the folder, as a dict from slot numbers to
        process ids.
        """
        mine = self.number()
        found = {mine: os.getpid()}
        for number in range(min(os.fstat(self._file).st_size // SIZE, MAX_SLOTS)):
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
    """Returns whether the processes of this server share their metrics."""
    return bool(os.environ.get(FOLDER))


def folder() -> Path:
    return Path(os.environ[FOLDER])


def slot() -> int:
    """Returns the slot number of this process: see Note [Slots]."""
    return _slot.number()


def processes() -> dict[int, int]:
    """Returns the ids of the running processes that share their metrics, as a dict from slot
    numbers to process ids.
    """
    return _slot.holders() if is_shared() else {0: os.getpid()}


def files() -> list[str]:
    """Returns the files with the values that `/metrics` adds up: the counters of all processes, and
    the gauges of running processes.
    """
    running = processes()
    return [
        str(file)
        for file in folder().glob("*.db")
        if not file.name.startswith("gauge_") or int(file.stem.rpartition("_")[2]) in running
    ]


def new_folder() -> Path:
    """Returns the path of a new folder for the processes of a server, in memory if possible. The
    first process creates the folder.
    """
    base = IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    remove_left(base)
    return base / f"{PREFIX}{secrets.token_hex(8)}"


def remove_left(base: Path) -> None:
    """Removes the folders of killed servers from `base`. No process has locked such a folder."""
    for left in base.glob(f"{PREFIX}*"):
        try:
            facts = left.stat(follow_symlinks=False)
            if facts.st_uid != os.geteuid() or time.time() - facts.st_mtime < YOUNG:
                continue
            with (left / SLOTS).open("r+b") as file:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # locks the whole file
                shutil.rmtree(left)
        except OSError:
            continue  # a process has locked the folder, or has just removed it


def _stop(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(BOOT_ERROR)


def _locked(file: int, place: int) -> bool:
    """Tries to lock a slot for this process. Returns False if another process has locked the
    slot.
    """
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, SIZE, place)
    except OSError:
        return False
    return True
