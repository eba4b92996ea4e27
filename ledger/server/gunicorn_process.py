"""gunicorn as a child process that ends with this process."""

import ctypes
import http.client
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from types import TracebackType
from typing import Self

from ledger.env import BASE_DIR
from ledger.metrics import shared
from ledger.server import gunicorn_settings

PR_SET_PDEATHSIG = 1


class WebServer:
    """A context manager: the process starts on entry and is stopped on exit.

    From entry on it loads the site; it answers after `open`.
    """

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port

    def __enter__(self) -> Self:
        self.counts = None if shared.is_shared() else shared.new_folder()
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        options = {
            "config": f"python:{gunicorn_settings.__name__}",
            "bind": address,
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ledger.server.web_process"]
            + [f"--{name}={value}" for name, value in options.items()]
            + ["ledger.wsgi"],
            cwd=BASE_DIR,
            env=os.environ | ({shared.FOLDER: str(self.counts)} if self.counts else {}),
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
        try:
            self.process.terminate()
            self.process.wait(gunicorn_settings.graceful_timeout + 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        finally:
            if self.counts:
                shutil.rmtree(self.counts, ignore_errors=True)

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
