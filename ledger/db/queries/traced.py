"""Records tracing spans of SQL statements and of the end of transactions. Imported only if tracing
is on.

Note [Spans of a transaction]: an execute wrapper does not see COMMIT, which Django sends without a
cursor, or COPY, which is a method of psycopg. Therefore the backend has a hook for each of these. A
plain payment is one SQL statement that commits by itself, so the span of this statement contains
the outcome of the commit. SQL statements outside a trace and statements of the backend itself, such
as SELECT 1, have no span.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import connections

from ledger.db.backend.base import DatabaseWrapper
from ledger.db.backend.wrappers import CursorWrapper
from ledger.db.queries.statement_text import StatementText, described
from ledger.db.retry import Failure, NotConfirmed, failure_of, sqlstate
from ledger.tracing.exporting import Exporting
from ledger.tracing.recorder import Recorder
from ledger.tracing.spans import Facts, Span, record_by

OUTCOME = "ledger.commit.outcome"
ACKNOWLEDGED, UNKNOWN, NOT_CONFIRMED = "acknowledged", "unknown", "not_confirmed"
ROLLED_BACK = "rolled_back"


class DatabaseSpans:
    """The hooks that database connections call for tracing: see `DatabaseWrapper.spans`."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def statement(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Runs a SQL statement in a span and returns its result. This method is a Django execute
        wrapper, and must be the outermost wrapper, because other wrappers add values to the
        parameters.
        """
        if not self._recorder.is_recording():
            return execute(sql, params, many, context)
        database, statement = context["connection"], described(_as_text(sql))
        commits = statement.writes and _commits_itself(database)
        with self._open(statement.name, _facts_of(statement, database)) as span:
            try:
                result = execute(sql, params, many, context)
            except Exception as error:
                _fail(span, error, commits=commits)
                raise
            facts = _rows_of(context["cursor"], statement)
            span.note({**facts, OUTCOME: ACKNOWLEDGED} if commits else facts)
            return result

    def end_transaction(self, database: Any, command: str, send: Callable[[], None]) -> None:
        """Calls `send`, which sends COMMIT or ROLLBACK, in a span."""
        facts = {**_facts_of_database(database), "db.operation.name": command}
        commits = command == "COMMIT"
        with self._open(command, facts) as span:
            try:
                send()
            except Exception as error:
                _fail(span, error, commits=commits)
                raise
            if commits:
                span.note({OUTCOME: ACKNOWLEDGED})

    @contextmanager
    def copying(self, cursor: Any, sql: Any, copies: AbstractContextManager[Any]) -> Iterator[Any]:
        """Runs a COPY of psycopg in a span, from the SQL statement to the last row."""
        statement = described(_as_text(sql))
        with self._open(statement.name, _facts_of(statement, cursor.db)) as span:
            try:
                with copies as copy:
                    yield copy
            except Exception as error:
                _fail(span, error, commits=False)
                raise
            span.note(_rows_of(cursor, statement))

    def _open(self, name: str, facts: Facts) -> Any:
        return self._recorder.span(name, facts, (Exception,), is_client=True)


def start_tracing() -> None:
    """Starts tracing in this process and in processes that are forked later."""
    recorder = Recorder(Exporting())
    record_by(recorder)
    trace_connections(DatabaseSpans(recorder))


def trace_connections(spans: DatabaseSpans | None) -> None:
    """Makes all connections of this process call `spans`. None switches tracing off. Call this only
    while no other thread has connections.
    """
    before, DatabaseWrapper.spans = DatabaseWrapper.spans, spans
    for database in connections.all(initialized_only=True):
        if before is not None:
            database.execute_wrappers.remove(before.statement)
        if spans is not None:
            database.execute_wrappers.insert(0, spans.statement)


def _as_text(sql: Any) -> str:
    """Returns SQL as text, including SQL that psycopg has composed from parts. The text contains
    values, which `described` removes.
    """
    return sql if isinstance(sql, str) else str(sql.as_string(None))


def _facts_of_database(database: Any) -> dict[str, str | int | bool]:
    return {
        "db.system.name": "postgresql",
        "db.namespace": str(database.settings_dict["NAME"]),
        "ledger.database": database.alias,
    }


def _facts_of(statement: StatementText, database: Any) -> Facts:
    return {
        **_facts_of_database(database),
        "db.operation.name": statement.operation,
        "db.query.summary": statement.name,
        "db.query.text": statement.text,
    }


def _commits_itself(database: Any) -> bool:
    return not database.in_atomic_block and bool(database.get_autocommit())


def _rows_of(cursor: Any, statement: StatementText) -> Facts:
    """Returns the number of rows that were written or returned, as a span attribute. Returns {} if
    the number is not known.
    """
    inner: Any = cursor.cursor if isinstance(cursor, CursorWrapper) else cursor
    rows = inner.rowcount
    if rows is None or rows < 0:  # the number is not known, for example in a pipeline
        return {}
    return {"ledger.affected_rows" if statement.writes else "db.response.returned_rows": rows}


def _fail(span: Span, error: Exception, *, commits: bool) -> None:
    """Marks the span as failed, with the error's class and SQLSTATE. `commits` is whether the span
    also records the outcome of a commit.
    """
    facts: dict[str, str] = {}
    if state := sqlstate(error) or getattr(error, "sqlstate", None):
        facts["db.response.status_code"] = state
    if commits:
        facts[OUTCOME] = _outcome_of(error)
    span.fail(type(error).__name__, facts)


def _outcome_of(error: Exception) -> str:
    if isinstance(error, NotConfirmed):
        return NOT_CONFIRMED
    return UNKNOWN if failure_of(error) is Failure.UNKNOWN else ROLLED_BACK
