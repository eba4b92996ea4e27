"""Runs a job row by row, and continues after a row that fails."""

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
    """Yields a function that takes the id of a row and returns a context manager for the work on
    this row.

    If the work on a row fails, the error is logged and the job continues with the next row. After
    all rows, the first error is raised, so that the job is recorded as failed. Errors of the server
    and TablesInUse are raised immediately, because they affect all rows.
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
            # The message may contain names and amounts, which the format of the log removes.
            logger.exception("%s %s failed; the other rows continue.", what, id)
            errors.append(error)

    yield of_row
    if errors:
        raise errors[0]
