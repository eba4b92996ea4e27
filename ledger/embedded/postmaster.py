"""Finds and stops a Postgres server by its file `postmaster.pid`.

This module needs only the standard library. Therefore a server can be found and stopped even if the
virtual environment no longer exists.
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
    """The server that wrote the file `postmaster.pid` in the folder `data`."""

    pid: int
    data: Path
    socket_dir: Path
    port: int
    ready: bool

    @property
    def socket_path(self) -> Path:
        return self.socket_dir / f".s.PGSQL.{self.port}"

    def answers(self) -> bool:
        """Returns whether the server accepts connections now. The file `postmaster.pid` does not
        prove this, because the file may be old or a copy.
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
        """Returns whether the process of this server exists. Another process that has the same id
        now does not count.

        On Linux, the working folder of the server process is its data folder. A zombie process has
        no working folder.
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
    """Returns the server of this data folder. Returns None if its file `postmaster.pid` is missing
    or incomplete.
    """
    return _read(data / PID_FILE, data)


def stop(data: Path) -> bool:
    """Stops the server of this data folder with a fast shutdown, in which open transactions are
    rolled back. Returns False if the server was not running.

    Raises EmbeddedServerError if the server does not stop within STOP_SECONDS.
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
    """Writes an impossible process id into the lock files of a server that is dead.

    Postgres refuses to start while the old process id exists. This could be forever, if another
    process has this id after a reboot, or if a zombie process is never removed. The other lines are
    not changed. Postgres needs them to find a remaining child process that still uses the old
    shared memory.
    """
    for file in (data / PID_FILE, *socket_dir.glob(".s.PGSQL.*.lock")):
        found = _read(file, data)
        if found and not found.is_alive():
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{IMPOSSIBLE_PID}\n", *lines[1:]]))


def _read(file: Path, data: Path) -> Postmaster | None:
    """Returns the server that a lock file describes. Returns None if the file cannot be read. Also
    returns None if the file belongs to another data folder, because it was copied together with
    that folder.
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
