"""Runs a child process of `manage.py serve`. The child process begins its work after a line on
stdin, and ends with `serve`.
"""

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
    """A context manager that runs a child process during the block. At the end, the child process
    gets SIGTERM, and after `seconds` it is killed.

    The child process waits for a line on stdin, which `open` sends. Enter the block before this
    process has threads, because starting a child process forks.
    """

    def __init__(self, command: Sequence[str], seconds: float, more: Mapping[str, str]) -> None:
        self._command, self._seconds, self._more = command, seconds, more

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, *self._command],
            cwd=BASE_DIR,
            env=os.environ | self._more,
            stdin=subprocess.PIPE,
            # Ctrl-C is sent to the whole foreground process group, and only this process may react
            # to it.
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
        finally:  # this also runs if a second signal interrupts the wait
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def open(self) -> None:
        """Sends the line for which the child process waits. Call this when the database and the
        static files are ready.
        """
        if stdin := self.process.stdin:
            # The child process has ended; `exit_code` returns its exit code.
            with suppress(BrokenPipeError), stdin:
                stdin.write(b"\n")

    def exit_code(self) -> int | None:
        """Returns the exit code of the child process, or None while it is running."""
        return self.process.poll()


def _end_with_parent() -> None:
    """Makes the kernel stop the child process if its parent is killed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
