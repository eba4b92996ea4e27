"""The error for files that are not attached, and the lock under which files are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from transactions.exceptions import LedgerError

WAIT_SECONDS = 10  # as long as the CPU time that a PDF may take
BUSY = "Too many files are being read at the moment. Try again in a minute."
_READING = Lock()


class UnfitFile(LedgerError):
    """The file has a kind that we do not accept, or is damaged, encrypted, too large or too much
    work.
    """


@contextmanager
def reading() -> Iterator[None]:
    """Limits the process to one file at a time, because decoding takes memory.

    Raises: UnfitFile after waiting for other files for WAIT_SECONDS.
    """
    if not _READING.acquire(timeout=WAIT_SECONDS):
        raise UnfitFile(BUSY)
    try:
        yield
    finally:
        _READING.release()
