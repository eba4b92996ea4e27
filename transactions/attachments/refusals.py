"""Why a file is not attached, and the lock under which files are read."""

from threading import Lock

from transactions.exceptions import LedgerError

# Decoding takes memory, so that a process reads one file at a time.
READING = Lock()


class UnfitFile(LedgerError):
    """The file is of another kind than we keep, damaged, encrypted or too large."""
