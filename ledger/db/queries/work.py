"""Records the queries of a page: the SQL with its values, the duration and the plan."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import DatabaseError, connection

from ledger.db.retry import sqlstate

MAX_QUERIES = 50  # maximum number of queries that are recorded for one page


@dataclass(slots=True)
class RecordedQuery:
    """One query of a page.

    `sql` is the query with its values. `seconds` is the time from sending the query to fetching the
    last row. `plan` is "" until `explain` runs, and `error` is "" unless Postgres refused the
    query. `text` is the SQL or a function that returns the SQL.
    """

    text: str | Callable[[], str]
    seconds: float
    statement: str = ""
    params: Any = None
    plan: str = ""
    error: str = ""

    @property
    def sql(self) -> str:
        if not isinstance(self.text, str):
            self.text = self.text()
        return self.text

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    @property
    def is_read(self) -> bool:
        return self._begins.startswith(("SELECT", "WITH"))

    @property
    def is_write(self) -> bool:
        return self._begins.startswith(("INSERT", "UPDATE", "DELETE"))

    @property
    def _begins(self) -> str:
        """The SQL in capital letters from its first word on, without brackets before the word."""
        return self.statement.lstrip("( \n").upper()


@dataclass(slots=True)
class QueryLog:
    """The recorded queries of one page in order."""

    queries: list[RecordedQuery] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """The total time of all queries in milliseconds."""
        return sum(query.milliseconds for query in self.queries)

    def explain(self) -> None:
        """Stores the plan of each query that only reads. Runs these queries again with EXPLAIN
        (ANALYZE, BUFFERS). Call this method inside the `snapshot` of the queries, so that they read
        the same rows again.
        """
        for query in self.queries:
            if query.is_read:
                query.plan = plan_of(query)


def plan_of(query: RecordedQuery, options: str = "ANALYZE, BUFFERS") -> str:
    """Returns the output of EXPLAIN for a query. With ANALYZE in `options`, Postgres executes the
    query.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {query.statement}", query.params)
        return "\n".join(line for (line,) in cursor.fetchall())


def error_line(error: Exception) -> str:
    """Returns the description of an error in one line. The description of a Postgres error is the
    SQLSTATE and the message. The description of another error is the class and the message.
    """
    state = sqlstate(error) if isinstance(error, DatabaseError) else None
    first = str(error).strip().partition("\n")[0]
    return f"{state} {first}" if state else f"{type(error).__name__}: {first}"


@contextmanager
def watched(*, with_session: bool = False, texts_later: bool = False) -> Iterator[QueryLog]:
    """Records up to MAX_QUERIES queries of this thread's connection inside the block. Queries that
    Postgres refuses are included.

    If `with_session` is true, also records statements about the session, such as SET and SAVEPOINT.
    If `texts_later` is true, the values are put into the SQL text only when `RecordedQuery.sql` is
    read. The connection must still be open at that time.
    """
    work = QueryLog()

    def note(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        started = time.perf_counter()
        wanted = not many and (with_session or not _is_about_the_session(sql))
        try:
            result = execute(sql, params, many, context)
        except DatabaseError as error:
            if wanted and sqlstate(error):  # the query was sent, and Postgres refused it
                keep(sql, params, context, started, error_line(error))
            raise
        if wanted:
            keep(sql, params, context, started)
        return result

    def keep(
        sql: str, params: Any, context: dict[str, Any], started: float, error: str = ""
    ) -> None:
        took = time.perf_counter() - started
        if len(work.queries) < MAX_QUERIES:
            text = partial(connection.ops.last_executed_query, context["cursor"], sql, params)
            recorded = RecordedQuery(text, took, sql, params, error=error)
            work.queries.append(recorded)
            if not texts_later:
                recorded.text = text()

    with connection.execute_wrapper(note):
        yield work


def _is_about_the_session(sql: str) -> bool:
    return sql.startswith(("SET ", "SAVEPOINT", "RELEASE", "ROLLBACK", "EXPLAIN"))
