"""A child process of `manage.py serve` that waits until it may begin, and ends with `serve`."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from ledger.env import BASE_DIR

PR_SET_PDEATHSIG = 1


class ChildProcess:
    """A context manager for a process, which starts at entry. At exit it gets SIGTERM, and is
    killed if it has not ended after `seconds`.

    `open` sends a line to its stdin, after which the child may begin. Enter the context
    manager before this process has threads, because it forks.
    """

    def __init__(self, command: Sequence[str], seconds: float, more: Mapping[str, str]) -> None:
        self._command, self._seconds, self._more = command, seconds, more

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self._command],
            cwd=BASE_DIR,
            env=os.environ | self._more,
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
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(self._seconds)
        finally:  # also if a second signal interrupts the wait
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def open(self) -> None:
        """Lets the process begin, because the database and the static files are ready."""
        if stdin := self.process.stdin:
            with suppress(BrokenPipeError), stdin:  # it has ended; `exit_code` shows this
                stdin.write(b"\n")

    def exit_code(self) -> int | None:
        """Returns the exit code; None while the process runs."""
        return self.process.poll()


def _end_with_parent() -> None:
    """Makes the kernel stop the child when this process is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
