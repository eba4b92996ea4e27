"""A running Postgres, as described by its `postmaster.pid`.

Needs only the standard library, so a server can be found and stopped when the virtual environment
no longer exists.
"""

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ledger.db.server.embedded import EmbeddedServerError

PID_FILE = "postmaster.pid"
IMPOSSIBLE_PID = 2**31 - 1
STOP_SECONDS = 60


@dataclass(frozen=True)
class Postmaster:
    """The server that wrote the pid file of the folder `data`."""

    pid: int
    data: Path
    socket_dir: Path
    port: int
    ready: bool

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def answers(self) -> bool:
        """Returns whether the server accepts connections now. A pid file does not prove this,
        because it may be a copy or stale.
        """
        if not self.ready:
            return False
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_path))
            except OSError:
                return False
        return True

    def is_alive(self) -> bool:
        """Returns whether its process exists, and is not another process with the same id.

        On Linux a postmaster's working folder is its data folder; a zombie process has none.
        """
        try:
            os.kill(self.pid, 0)
            if sys.platform == "linux":
                return Path(f"/proc/{self.pid}/cwd").readlink() == self.data.resolve()
        except (ProcessLookupError, FileNotFoundError):
            return False
        except PermissionError:
            pass
        return True


def read(data: Path) -> Postmaster | None:
    """Returns the server of this data folder, or None if the pid file is missing or incomplete."""
    return _read(data / PID_FILE, data)


def stop(data: Path) -> bool:
    """Stops the server of this data folder with a fast shutdown, which rolls open transactions
    back. Returns False if it was not running.

    Raises EmbeddedServerError if it does not stop in STOP_SECONDS.
    """
    found = read(data)
    if found is None or not found.is_alive():
        return False
    with suppress(ProcessLookupError):
        os.kill(found.pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while found.is_alive():
        if time.monotonic() > deadline:
            raise EmbeddedServerError(f"The database in {data} did not stop in a minute.")
        time.sleep(0.02)
    return True


def disown_dead(data: Path, socket_dir: Path) -> None:
    """Writes an impossible process id into the lock files of a dead server.

    Postgres refuses to start while the old id belongs to a process: forever, if a reboot assigned
    it to another process or if a zombie is never removed. The other lines stay, because Postgres
    uses them to find an orphaned backend that still uses the old shared memory.
    """
    for file in (data / PID_FILE, *socket_dir.glob(".s.PGSQL.*.lock")):
        found = _read(file, data)
        if found and not found.is_alive():
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{IMPOSSIBLE_PID}\n", *lines[1:]]))


def _read(file: Path, data: Path) -> Postmaster | None:
    """Reads a lock file. Returns None for the file of another data folder, which was copied
    together with that folder.
    """
    try:
        lines = file.read_text().splitlines()
        pid, folder, _started, port, socket_dir = lines[:5]
        if Path(folder).resolve() != data.resolve():
            return None
        ready = len(lines) > 7 and lines[7].strip() == "ready"
        return Postmaster(int(pid), data, Path(socket_dir), int(port), ready)
    except (OSError, ValueError):
        return None
