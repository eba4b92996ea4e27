"""The error for refused files, and the lock that lets a process read only one file at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from transactions.exceptions import LedgerError

WAIT_SECONDS = 10  # seconds; as long as the CPU time that a PDF may take
BUSY = "Too many files are being read at the moment. Try again in a minute."
_READING = Lock()


class UnfitFile(LedgerError):
    """A file is not accepted: its kind is wrong, or it is damaged, encrypted or too large, or
    reading it takes too long.
    """


@contextmanager
def reading() -> Iterator[None]:
    """Lets only one thread of this process read a file at a time, because decoding needs much
    memory. The other threads wait.

    Raises: UnfitFile if other files are still being read after WAIT_SECONDS.
    """
    if not _READING.acquire(timeout=WAIT_SECONDS):
        raise UnfitFile(BUSY)
    try:
        yield
    finally:
        _READING.release()
