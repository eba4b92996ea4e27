"""The work behind a page: each query as Postgres got it, how long it took, and its plan."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.db import DatabaseError, connection

from ledger.db.retry import sqlstate

ENOUGH = 50  # queries kept; a page that sends more has other worries


@dataclass(slots=True)
class RecordedQuery:
    """One query: `sql` with its values filled in, `seconds` from sending to the last row fetched
    by the driver. `plan` is "" until `explain` runs, `error` is "" unless Postgres refused it.
    `text` is its SQL, or a function that writes it."""

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
        """The statement in capitals, without the brackets before its first word."""
        return self.statement.lstrip("( \n").upper()


@dataclass(slots=True)
class QueryLog:
    """The queries of one page, in order."""

    queries: list[RecordedQuery] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        """What the database took for all of them."""
        return sum(query.milliseconds for query in self.queries)

    def explain(self) -> None:
        """Runs each query once more under EXPLAIN (ANALYZE, BUFFERS) and keeps its plan.

        Inside the same `snapshot` the rows are the same. A query that writes, which a snapshot
        refuses anyway, is left alone.
        """
        for query in self.queries:
            if query.is_read:
                query.plan = plan_of(query)


def plan_of(query: RecordedQuery, options: str = "ANALYZE, BUFFERS") -> str:
    """Returns the output of EXPLAIN for a query; ANALYZE runs the query once more."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN ({options}) {query.statement}", query.params)
        return "\n".join(line for (line,) in cursor.fetchall())


def sentence_of(error: Exception) -> str:
    """Returns an error in one line: SQLSTATE and message of Postgres, else class and message."""
    state = sqlstate(error) if isinstance(error, DatabaseError) else None
    first = str(error).strip().partition("\n")[0]
    return f"{state} {first}" if state else f"{type(error).__name__}: {first}"


@contextmanager
def watched(*, with_session: bool = False, texts_later: bool = False) -> Iterator[QueryLog]:
    """Records up to ENOUGH queries of this thread's connection in the block, also refused ones.

    With `with_session`, also statements about the session alone, such as SET and savepoints. With
    `texts_later`, the values are filled in when somebody reads them, while the connection is open.
    """
    work = QueryLog()

    def note(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        started = time.perf_counter()
        wanted = not many and (with_session or not _is_about_the_session(sql))
        try:
            result = execute(sql, params, many, context)
        except DatabaseError as error:
            if wanted and sqlstate(error):  # refused, but sent
                keep(sql, params, context, started, sentence_of(error))
            raise
        if wanted:
            keep(sql, params, context, started)
        return result

    def keep(
        sql: str, params: Any, context: dict[str, Any], started: float, error: str = ""
    ) -> None:
        took = time.perf_counter() - started
        if len(work.queries) < ENOUGH:
            text = partial(connection.ops.last_executed_query, context["cursor"], sql, params)
            recorded = RecordedQuery(text, took, sql, params, error=error)
            work.queries.append(recorded)
            if not texts_later:
                recorded.text = text()

    with connection.execute_wrapper(note):
        yield work


def _is_about_the_session(sql: str) -> bool:
    return sql.startswith(("SET ", "SAVEPOINT", "RELEASE", "ROLLBACK", "EXPLAIN"))
