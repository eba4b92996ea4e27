"""A Redis server from Debian's package, for tests."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests import optional
from tests.ledger.processes import free_port, wait_until
from tests.programs import REASON


class CacheServer:
    """A context manager for a Redis server on this computer that can be stopped and started
    again.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="cache"))
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Starts the server without data, as after a crash: the server stores nothing on disk."""
        place = ("--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder))
        self.process = subprocess.Popen(
            ["redis-server", "--save", "", *place],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._listens)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


def missing() -> str:
    """Returns why tests with the server are skipped, or "" if the program and its client are
    installed.
    """
    if shutil.which("redis-server"):
        return optional.missing("redis")
    return REASON.format("redis-server")
