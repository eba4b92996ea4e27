"""Redis and memcached of Debian's packages, for tests."""

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Self

from tests import optional
from tests.ledger.processes import free_port, wait_until

PROGRAMS = {"redis": "redis-server", "pymemcache": "memcached"}


class CacheServer:
    """A server on this computer that can be ended and started again. A context manager."""

    def __init__(self, scheme: str, *more: str) -> None:
        self.scheme, self.port, self.more = scheme, free_port(), more
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="cache"))
        self.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Empty, as after a crash: nothing of it is on the disk."""
        port = str(self.port)
        arguments: list[str] = {
            "redis": [
                "--port",
                port,
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--dir",
                str(self.folder),
            ],
            "pymemcache": ["-p", port, "-l", "127.0.0.1", "-u", "nobody", "-M"],
        }[self.scheme]
        self.process = subprocess.Popen(
            [PROGRAMS[self.scheme], *arguments, *self.more],
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


def missing(scheme: str) -> str:
    """Why there are no tests with it; "" if the program and its client are there."""
    program = PROGRAMS[scheme]
    if shutil.which(program):
        return optional.missing(scheme)
    package = {"redis": "redis-server", "pymemcache": "memcached"}[scheme]
    return f"{program} (apt-get install {package}) is not installed"
