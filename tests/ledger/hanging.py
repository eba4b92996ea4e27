"""Processes of a server that stand still, as at a disk that does not answer."""

import os
import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

LONGEST = 20.0  # seconds; after that a test has failed, and must not hang itself


@contextmanager
def standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Stops these processes, and lets them go on after the block."""
    stopped = list(pids)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    at_last = threading.Timer(LONGEST, _go_on, [stopped])
    at_last.start()
    try:
        yield
    finally:
        at_last.cancel()
        _go_on(stopped)


def _go_on(pids: list[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
