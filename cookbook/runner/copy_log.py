"""Records COPY statements among the queries of a recipe.

Note [COPY bypasses Django's cursor]: `cursor.copy(...)` is a method of psycopg that Django's cursor
passes on. So `execute_wrapper` is not called for a COPY. A COPY can only be recorded in the class
of the cursors, which psycopg lets each connection choose.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ledger.db.queries.work import QueryLog, RecordedQuery


@contextmanager
def copies_recorded(work: QueryLog) -> Iterator[None]:
    """Records each `cursor.copy(...)` on this connection as a query, inside the block."""
    raw = connection.connection
    usual_cursor = raw.cursor_factory

    class CopyRecordingCursor(usual_cursor):  # type: ignore[misc, valid-type]
        @contextmanager
        def copy(self, statement: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
            started = time.perf_counter()
            with super().copy(statement, *args, **kwargs) as copy:
                yield copy
            work.queries.append(RecordedQuery(statement, time.perf_counter() - started, statement))

    raw.cursor_factory = CopyRecordingCursor
    try:
        yield
    finally:
        raw.cursor_factory = usual_cursor
