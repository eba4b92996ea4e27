"""One instant of the database, for reads that take more than one query.

At READ COMMITTED each statement sees its own instant, so sums over several queries tear
under load. A snapshot is one read-only REPEATABLE READ transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db import transaction as db_transaction


@contextmanager
def snapshot(*, seconds: float | None = None) -> Iterator[None]:
    """Every query inside sees the same instant; nothing inside can write.

    With `seconds`, a query inside that takes longer is stopped (OperationalError, 57014).
    Inside a transaction that is open already (only a test's; otherwise `durable` refuses)
    the instant is that transaction's own.
    """
    nested = connection.in_atomic_block
    with db_transaction.atomic(durable=True):
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        if seconds is not None:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout = %s", [f"{int(seconds * 1000)}ms"])
                # Reads this short are over before compiling them would pay: it took 100 ms of a
                # customer's 115, and 300 of 1,300 over a million rows.
                cursor.execute("SET LOCAL jit = off")
            database: Any = connection
            database.limit_transaction(seconds)
        yield
