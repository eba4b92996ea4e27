"""Rows that a job works through one by one, where one that fails keeps no other waiting."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.db import DatabaseError, InterfaceError

from ledger.db.locking.short_waits import TablesInUse
from ledger.db.retry import Failure, failure_of

OF_THE_SERVER = frozenset({Failure.NOT_STARTED, Failure.UNKNOWN})

logger = logging.getLogger("ledger.jobs")


@contextmanager
def apart(what: str) -> Iterator[Callable[[object], AbstractContextManager[None]]]:
    """Yields what to call with each row's id, for a block that does the row's work.

    An error in the block of a row is logged, and the next row has its turn. After all of them the
    first error is raised, so that the job has failed and its alarm rings. An error of the server is
    raised at once, because no other row could be worked on either, and so are tables that stayed in
    use in all tries.
    """
    errors = list[Exception]()

    @contextmanager
    def of_row(id: object) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            of_database = isinstance(error, DatabaseError | InterfaceError)
            is_in_use = isinstance(error, TablesInUse)
            if is_in_use or (of_database and failure_of(error) in OF_THE_SERVER):
                raise
            # Its message may name people and amounts, which the log's format leaves out.
            logger.exception("%s %s failed; the others go on.", what, id)
            errors.append(error)

    yield of_row
    if errors:
        raise errors[0]
