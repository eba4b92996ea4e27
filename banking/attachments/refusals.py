"""Why a file is not attached, and the lock under which files are read."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from transactions.exceptions import LedgerError

WAIT_SECONDS = 10  # as long as a PDF may take of a processor
BUSY = "Too many files are being read at the moment. Try again in a minute."
_READING = Lock()


class UnfitFile(LedgerError):
    """The file is of another kind than we keep, damaged, encrypted, too large or too much work."""


@contextmanager
def reading() -> Iterator[None]:
    """Decoding takes memory, so that a process reads one file at a time. Raises UnfitFile after
    waiting for others for WAIT_SECONDS.
    """
    if not _READING.acquire(timeout=WAIT_SECONDS):
        raise UnfitFile(BUSY)
    try:
        yield
    finally:
        _READING.release()
