"""Records COPY statements among the queries of a recipe.

Note [COPY bypasses Django's cursor]: `cursor.copy(...)` is a method of psycopg, and Django's cursor
only passes the call on. So `execute_wrapper` is not called for a COPY. A COPY can be recorded only
in the cursor class, which each psycopg connection can replace.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ledger.db.queries.work import QueryLog, RecordedQuery


@contextmanager
def copies_recorded(work: QueryLog) -> Iterator[None]:
    """Records each `cursor.copy(...)` on this connection as a query while the `with` block runs."""
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
