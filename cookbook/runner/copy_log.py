"""Records COPY among the queries of a recipe: COPY bypasses Django's cursor and its wrappers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from ledger.db.work import QueryLog, RecordedQuery


@contextmanager
def copies_recorded(work: QueryLog) -> Iterator[None]:
    """Records each `cursor.copy(...)` of this connection as a query."""
    raw = connection.connection
    plain = raw.cursor_factory

    class NotedCursor(plain):  # type: ignore[misc, valid-type]
        @contextmanager
        def copy(self, statement: str, *rest: Any, **named: Any) -> Iterator[Any]:
            started = time.perf_counter()
            with super().copy(statement, *rest, **named) as copy:
                yield copy
            work.queries.append(RecordedQuery(statement, time.perf_counter() - started, statement))

    raw.cursor_factory = NotedCursor
    try:
        yield
    finally:
        raw.cursor_factory = plain
