"""gunicorn as a child process that ends with this process."""

import ctypes
import http.client
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from ledger.env import BASE_DIR

WORKERS, THREADS = 2, 8
GRACE_SECONDS = 5
PR_SET_PDEATHSIG = 1


class WebServer:
    """A context manager: the process starts on entry and is stopped on exit.

    From entry on it loads the site; it answers after `open`.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def __enter__(self) -> Self:
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        options = {
            "bind": address,
            "worker-class": "ledger.server.timed_worker.TimedWorker",
            "workers": WORKERS,
            "threads": THREADS,
            "graceful-timeout": GRACE_SECONDS,
            "log-level": "warning",
            "forwarder-headers": "",  # no client, nor a proxy for one, moves the site to a path
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ledger.server.web_process", "--no-control-socket", "--preload"]
            + [f"--{name}={value}" for name, value in options.items()]
            + ["ledger.wsgi"],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            # Ctrl-C goes to the whole foreground process group; only this process may handle it.
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no threads here
        )
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(GRACE_SECONDS + 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def open(self) -> None:
        """Let it listen: the database and the static files are ready."""
        if stdin := self.process.stdin:
            with suppress(BrokenPipeError), stdin:  # it has ended, which `exit_code` tells
                stdin.write(b"\n")

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self.process.poll()

    def answers(self) -> bool:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=1)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def _end_with_parent() -> None:
    """Ask the kernel to stop gunicorn when this process is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
