"""Runs a job row by row, so that a failed row does not block the others."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import DatabaseError, InterfaceError

from ledger.db.locking.short_waits import TablesInUse
from ledger.db.retry import Failure, failure_of

SERVER_FAILURES = frozenset({Failure.NOT_STARTED, Failure.UNKNOWN})

logger = logging.getLogger("ledger.jobs")


@contextmanager
def apart(what: str) -> Iterator[Callable[[object], AbstractContextManager[None]]]:
    """Yields a function that takes a row's id and returns a context manager for the work on that
    row.

    An error in the block of a row is logged, and the next row follows. After all rows the first
    error is raised, so that the job counts as failed and triggers its alarm. Errors of the server
    are raised immediately, because they would affect all rows, and so is TablesInUse.
    """
    errors = list[Exception]()

    @contextmanager
    def of_row(id: object) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            of_database = isinstance(error, DatabaseError | InterfaceError)
            is_in_use = isinstance(error, TablesInUse)
            if is_in_use or (of_database and failure_of(error) in SERVER_FAILURES):
                raise
            # The message may contain names and amounts, which the log's format leaves out.
            logger.exception("%s %s failed; the other rows continue.", what, id)
            errors.append(error)

    yield of_row
    if errors:
        raise errors[0]
