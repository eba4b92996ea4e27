"""Sessions for recipes in which several people act in parallel, with real commits.

    def lost_update(ana: Session, ben: Session) -> int:
        ana.begin()
        seen = ana.run(lambda: Jar.objects.get(name="rent").coins)
        waiting = ben.start(lambda: Jar.objects.filter(name="rent").update(coins=0))
        ana.commit()
        waiting.result()

Each person is a session with a separate connection and a separate thread. All sessions of a run use
the same scratch schema, which is emptied before and after the run.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections
from django.db import transaction as db_transaction
from psycopg.pq import TransactionStatus

from cookbook.models import SCRATCH_MODELS
from cookbook.practice.readiness import NO_SESSION, SCHEMA, SCRATCH, NoPracticeBank
from cookbook.practice.role import SECONDS, switch_role
from cookbook.runner.rendering import as_text
from cookbook.runner.time_limit import TimeLimit
from ledger.db import extensions
from ledger.db.queries.work import QueryLog, RecordedQuery, error_line, watched

T = TypeVar("T")
# The advisory lock of the first scratch schema. The other schemas use the next numbers.
SLOTS = 7_205_759_403_792_800
POLL_SECONDS = 0.005  # time between two checks whether a session waits for a lock
YIELD_SECONDS = 0.1  # see Note [A session that has waited yields]


class AllBusy(Exception):
    """Raised if every scratch schema is in use, or if too many recipes are running."""


@dataclass(slots=True)
class SessionStep:
    """One step of a session: its queries including BEGIN and COMMIT, and its result.

    - `waited_for`: the names of the sessions for which the step waited.
    - `spans`: the start and the end of each query.
    - `began`: the start of the step.
    - `waited_at`: the time at which the runner noticed that the step waits.

    All times come from the same clock.
    """

    session: str
    queries: list[RecordedQuery] = field(default_factory=list)
    waited_for: list[str] = field(default_factory=list)
    outcome: str = ""
    error: str = ""
    seconds: float = 0.0
    began: float = 0.0
    waited_at: float = 0.0
    spans: list[tuple[float, float]] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000

    @property
    def final_error(self) -> str:
        """The error of the step, or "" if one of the step's queries has the same error."""
        return "" if any(query.error == self.error for query in self.queries) else self.error


class RunningStep(Generic[T]):
    """A step of a session that may still be running."""

    def __init__(
        self, future: "Future[T]", step: SessionStep, may_continue: threading.Event
    ) -> None:
        self._future = future
        self._step = step
        self._may_continue = may_continue

    @property
    def waits_for(self) -> str:
        """The names of the sessions that have a lock for which the step waits or has waited. The
        text is "" if the step has not waited.
        """
        return " and ".join(self._step.waited_for)

    def result(self) -> T:
        """Waits until the step is done. Returns its value or raises its exception."""
        self._may_continue.set()
        return self._future.result(timeout=SECONDS * 4)

    def refusal(self) -> str:
        """Waits until the step is done. Returns its database error, such as "40P01 deadlock
        detected", or "".
        """
        try:
            self.result()
        except DatabaseError as error:
            return error_line(error)
        return ""


class Session:
    """One connection in a separate thread. The session runs its steps one after the other.

    Note [A session that has waited yields]: when a wait for a lock ends, both sessions could
    continue in any order. Therefore a session that has waited sends nothing until the recipe
    requests its result or its next step. The recipe cannot do so while the other session needs a
    lock of this session, so this session continues after YIELD_SECONDS.
    """

    def __init__(
        self,
        name: str,
        path: list[str],
        steps: list[SessionStep],
        names: dict[int, str] | None = None,
        time_limit: TimeLimit | None = None,
    ) -> None:
        self.name = name
        self._path = path
        self._steps = steps
        # The names of all sessions, by the process id on the server.
        self._names = {} if names is None else names
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"cookbook-{name}")
        self._atomic: Any = None
        self.time_limit = time_limit
        self._may_continue = threading.Event()
        self._may_continue.set()
        self._work = QueryLog()
        self._spans: list[tuple[float, float]] = []
        self._raw: Any = None  # psycopg's connection, the only attribute that other threads may use
        self._last: Future[Any] = self._thread.submit(self._open)
        try:
            self.pid: int = self._last.result()
        except BaseException:
            self.close()
            raise
        self._names[self.pid] = name.title()

    def _open(self) -> int:
        switch_role(self._path, local=False, read_only=False)
        self._raw = connection.connection
        wrapper: Any = connections[DEFAULT_DB_ALIAS]  # the connection of this thread
        wrapper.transaction_wrapper = self._record_command
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid: int = cursor.fetchone()[0]
        if pid != self._raw.info.backend_pid:
            raise NoPracticeBank(NO_SESSION)
        return pid

    def _record_command(self, command: str, send: Callable[[], None]) -> None:
        """Records a BEGIN, COMMIT or ROLLBACK. This method replaces
        `DatabaseWrapper.transaction_wrapper`.
        """
        self._before_statement(command)
        query = RecordedQuery(command, 0.0)
        self._work.queries.append(query)
        started = time.perf_counter()
        try:
            send()
        except DatabaseError as error:
            query.error = error_line(error)
            raise
        finally:
            ended = time.perf_counter()
            query.seconds = ended - started
            self._spans.append((started, ended))

    def _record_span(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Records the start and the end of each query. This method is an argument of
        `execute_wrapper`.
        """
        self._before_statement(sql)
        queries = self._work.queries
        known = len(queries)
        started = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            if len(queries) > known:
                self._spans.append((started, time.perf_counter()))

    def _before_statement(self, sql: str) -> None:
        """Pauses if the session has waited for a lock.

        Raises: TooLong after the time limit, except for COMMIT, ROLLBACK and RELEASE.
        """
        if not self._may_continue.wait(YIELD_SECONDS):
            self._may_continue.set()
        if not sql.startswith(("COMMIT", "ROLLBACK", "RELEASE")):
            self._check_time()

    def _check_time(self) -> None:
        if self.time_limit:
            self.time_limit.check()

    def begin(self, isolation: str = "") -> None:
        """Opens a transaction. `isolation` is an isolation level such as "REPEATABLE READ", or ""
        for the default.
        """
        self.run(lambda: self._enter(isolation))

    def _enter(self, isolation: str) -> None:
        self._atomic = db_transaction.atomic()
        self._atomic.__enter__()
        if isolation:
            with connection.cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")

    def commit(self) -> None:
        """Commits the transaction. Postgres rolls back a transaction that has failed."""
        self.run(self._leave)

    def rollback(self) -> None:
        """Rolls back everything since `begin`."""

        def leave() -> None:
            db_transaction.set_rollback(True)
            self._leave()

        self.run(leave)

    def _leave(self) -> str | None:
        atomic, self._atomic = self._atomic, None
        failed = self._raw.info.transaction_status == TransactionStatus.INERROR
        atomic.__exit__(None, None, None)
        return "Rolled back: the transaction had failed." if failed else None

    def run(self, call: Callable[[], T]) -> T:
        """Runs a step and waits for it. Returns its value or raises its exception."""
        return self._submit(call)[0].result()

    def start(self, call: Callable[[], T]) -> RunningStep[T]:
        """Starts a step. Returns a RunningStep when the step is done or waits for a lock."""
        waiting, step = self._submit(call)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not wait([self._last], timeout=POLL_SECONDS).done:
            step.waited_for = [
                self._names[pid] for pid in _blockers(self.pid) if pid in self._names
            ]
            if step.waited_for:
                step.waited_at = time.perf_counter()
                self._may_continue.clear()
                break
        return waiting

    def _submit(self, call: Callable[[], T]) -> tuple[RunningStep[T], SessionStep]:
        self._check_time()
        step = SessionStep(self.name)
        self._steps.append(step)
        future = self._thread.submit(self._run_step, call, step)
        self._last = future
        return RunningStep(future, step, self._may_continue), step

    def _run_step(self, call: Callable[[], T], step: SessionStep) -> T:
        step.began = time.perf_counter()
        self._spans = step.spans
        with (
            connection.execute_wrapper(self._record_span),
            watched(with_session=True) as self._work,
        ):
            try:
                value = call()
                step.outcome = "" if value is None else as_text(value)
                return value
            except Exception as error:
                step.error = error_line(error)
                raise
            finally:
                step.queries = self._work.queries
                step.seconds = time.perf_counter() - step.began

    def close(self) -> None:
        """Cancels a running statement and closes the connection. Postgres then rolls back the open
        transaction.
        """
        self._may_continue.set()
        if self._raw is not None and not self._last.done():
            self._raw.cancel()
        self._thread.submit(_close_connection).result()
        self._thread.shutdown()


def _close_connection() -> None:
    """Closes the connection of the thread that calls this function."""
    connection.close()


def _blockers(pid: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_blocking_pids(%s)", [pid])
        pids: list[int] = cursor.fetchone()[0]
        return pids


@contextmanager
def sessions(names: list[str]) -> Iterator[tuple[list[Session], list[SessionStep]]]:
    """Opens sessions with these names in one scratch schema. Yields the sessions, and the list in
    which they record their steps.

    Raises: AllBusy if no scratch schema becomes free within LOCK_SECONDS; TooLong if a statement
    begins after the time limit.
    """
    with ExitStack() as stack:
        keeper = Session("keeper", ["public"], [])
        stack.callback(keeper.close)
        schema = keeper.run(_free_slot)
        keeper.run(lambda: _empty(schema))
        stack.callback(lambda: keeper.run(lambda: _empty(schema)))
        steps: list[SessionStep] = []
        people: dict[int, str] = {}
        opened = []
        time_limit = TimeLimit()
        for name in names:
            opened.append(
                Session(name, [schema, SCHEMA, extensions.SCHEMA], steps, people, time_limit)
            )
            stack.callback(opened[-1].close)
        yield opened, steps


def _free_slot() -> str:
    """Locks a free scratch schema, and returns the name of the schema. The lock ends with the
    connection.

    Raises: AllBusy if all scratch schemas are in use.
    """
    with connection.cursor() as cursor:
        for number, schema in enumerate(SCRATCH):
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [SLOTS + number])
            if cursor.fetchone() == (True,):
                return schema
        number = time.monotonic_ns() % len(SCRATCH)
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [SLOTS + number])
        except DatabaseError as error:
            raise AllBusy("All scratch schemas are in use. Try again in a moment.") from error
        return SCRATCH[number]


def _empty(schema: str) -> None:
    """Deletes all rows in the schema, children first. TRUNCATE would wait for sessions that read
    the tables, such as a backup.
    """
    with connection.cursor() as cursor:
        for model in reversed(SCRATCH_MODELS):
            table = f"{schema}.{model._meta.db_table}"
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1, false)", [table])
