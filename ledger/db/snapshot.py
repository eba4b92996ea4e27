"""A snapshot: one state of the database for reads that need more than one query.

At READ COMMITTED each statement sees the state at its own time, so sums over several queries may
not match under load. A snapshot is one read-only REPEATABLE READ transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction


@contextmanager
def snapshot(*, seconds: float | None = None) -> Iterator[None]:
    """Opens a transaction in which all queries see the same state and nothing can be written.

    With `seconds`, a query that takes longer is stopped (OperationalError, 57014). If a transaction
    is already open, the block uses its state; only tests do this, otherwise `durable` refuses.
    """
    nested = connection.in_atomic_block
    with db_transaction.atomic(durable=True):
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if seconds is not None:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [f"{int(seconds * 1000)}ms"])
                # Such short reads end before JIT compilation would pay off: compiling took 100 ms
                # of a customer's 115 ms, and 300 ms of 1,300 ms over a million rows.
                cursor.execute("SET LOCAL jit = off")
            database: Any = connection
            database.limit_transaction(seconds)
        yield
