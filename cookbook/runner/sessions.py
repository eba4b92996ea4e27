"""Two people at once: connections of their own, each in its own thread, that really commit.

    def lost_update(ana: Session, ben: Session) -> int:
        ana.begin()
        seen = ana.run(lambda: Jar.objects.get(name="rent").coins)
        waiting = ben.start(lambda: Jar.objects.filter(name="rent").update(coins=0))
        ana.commit()
        waiting.result()

They work in one of a few scratch schemas, which is emptied before and after.
"""

import functools
import math
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
from cookbook.practice.bank import SCHEMA, SCRATCH
from cookbook.practice.role import SECONDS, switch_role
from cookbook.runner.rendering import said
from ledger.db.work import QueryLog, RecordedQuery, sentence_of, watched

T = TypeVar("T")
SLOTS = 7_205_759_403_792_800  # the advisory lock of the first scratch schema; the next ones follow
LOOK_AGAIN = 0.005  # seconds between two looks at whether somebody waits for a lock
TOTAL_SECONDS = 6.0  # of one run; after that nobody begins another statement
GIVES_WAY = 0.1  # seconds; see Note [A session that has waited yields]


class AllBusy(Exception):
    """Every scratch schema is in use."""


class TooLong(Exception):
    """The statements of a run together took more than TOTAL_SECONDS."""


@dataclass(slots=True)
class SessionStep:
    """One step of a session: its queries with BEGIN and COMMIT, its result, and whom it waited for.

    `spans` are start and end of each query, `began` the start of the step, `waited_at` when it was
    seen waiting; all from one clock.
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
    def last_word(self) -> str:
        """The error it ended with; "" if one of its queries shows it."""
        return "" if any(query.error == self.error for query in self.queries) else self.error


class Waiting(Generic[T]):
    """A step that is still running."""

    def __init__(self, future: "Future[T]", step: SessionStep, go_on: threading.Event) -> None:
        self._future = future
        self._step = step
        self._go_on = go_on

    @property
    def waits_for(self) -> str:
        """Whose lock it waits or waited for; "" for nobody."""
        return " and ".join(self._step.waited_for)

    def result(self) -> T:
        """The value, or raises the exception, once the step is done."""
        self._go_on.set()
        return self._future.result(timeout=SECONDS * 4)

    def refusal(self) -> str:
        """What the database refused, like "40P01 deadlock detected"; "" for nothing."""
        try:
            self.result()
        except DatabaseError as error:
            return sentence_of(error)
        return ""


class Session:
    """One connection in one thread, which runs its steps in order.

    Note [A session that has waited yields]: when a wait for a lock ends, two connections could go
    on, in either order. So a session that has waited sends nothing further until its result, or
    another step of it, is asked for. If the other needs what it holds, nobody can ask; then it goes
    on by itself after GIVES_WAY.
    """

    def __init__(
        self,
        name: str,
        path: list[str],
        steps: list[SessionStep],
        names: dict[int, str] | None = None,
        ends: float = math.inf,
    ) -> None:
        self.name = name
        self._path = path
        self._steps = steps
        self._names = {} if names is None else names  # of all sessions, by the pid of their server
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"cookbook-{name}")
        self._atomic: Any = None
        self._ends = ends  # by time.monotonic
        self._go_on = threading.Event()
        self._go_on.set()
        self._work = QueryLog()
        self._spans: list[tuple[float, float]] = []
        self._raw: Any = None  # psycopg's connection: the one thing another thread may touch
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
        self._note_the_edges()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid: int = cursor.fetchone()[0]
            return pid

    def _note_the_edges(self) -> None:
        """Records BEGIN, COMMIT and ROLLBACK, which bypass Django's cursors."""
        wrapper: Any = connections[DEFAULT_DB_ALIAS]

        def noting(word: str, send: Callable[..., Any], *args: bool) -> Any:
            if args == (True,):  # back to autocommit: nothing is sent
                return send(*args)
            self._before(word)
            note = RecordedQuery(word, 0.0)
            self._work.queries.append(note)
            started = time.perf_counter()
            try:
                return send(*args)
            except DatabaseError as error:
                note.error = sentence_of(error)
                raise
            finally:
                ended = time.perf_counter()
                note.seconds = ended - started
                self._spans.append((started, ended))

        for method, word in (
            ("_set_autocommit", "BEGIN"),
            ("_commit", "COMMIT"),
            ("_rollback", "ROLLBACK"),
        ):
            setattr(wrapper, method, functools.partial(noting, word, getattr(wrapper, method)))

    def _before(self, sql: str) -> None:
        """Yields after a wait, and stops statements after the end of the time; COMMIT and ROLLBACK
        may pass.
        """
        if not self._go_on.wait(GIVES_WAY):
            self._go_on.set()
        if not sql.startswith(("COMMIT", "ROLLBACK", "RELEASE")):
            self._still_time()

    def _still_time(self) -> None:
        if time.monotonic() > self._ends:
            raise TooLong(
                f"Stopped: all statements together took longer than {TOTAL_SECONDS:g} seconds, "
                "the most that the cookbook gives. Ask for less."
            )

    def _timed(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Records start and end of each query."""
        self._before(sql)
        queries = self._work.queries
        known = len(queries)
        started = time.perf_counter()
        try:
            return execute(sql, *rest)
        finally:
            if len(queries) > known:
                self._spans.append((started, time.perf_counter()))

    def begin(self, isolation: str = "") -> None:
        """Opens a transaction; `isolation` like "REPEATABLE READ"."""
        self.run(lambda: self._enter(isolation))

    def _enter(self, isolation: str) -> None:
        self._atomic = db_transaction.atomic()
        self._atomic.__enter__()
        if isolation:
            with connection.cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")

    def commit(self) -> None:
        """Commits; Postgres rolls back a failed transaction instead."""
        self.run(self._leave)

    def rollback(self) -> None:
        """Undoes everything since `begin`."""

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
        """Runs a step and returns its value, or raises its exception."""
        return self._do(call)[0].result()

    def start(self, call: Callable[[], T]) -> Waiting[T]:
        """Starts a step and returns when it is done or waits for a lock."""
        waiting, step = self._do(call)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not wait([self._last], timeout=LOOK_AGAIN).done:
            step.waited_for = [
                self._names[pid] for pid in _blockers(self.pid) if pid in self._names
            ]
            if step.waited_for:
                step.waited_at = time.perf_counter()
                self._go_on.clear()
                break
        return waiting

    def _do(self, call: Callable[[], T]) -> tuple[Waiting[T], SessionStep]:
        self._still_time()
        step = SessionStep(self.name)
        self._steps.append(step)
        future = self._thread.submit(self._noted, call, step)
        self._last = future
        return Waiting(future, step, self._go_on), step

    def _noted(self, call: Callable[[], T], step: SessionStep) -> T:
        step.began = time.perf_counter()
        self._spans = step.spans
        with connection.execute_wrapper(self._timed), watched(with_session=True) as self._work:
            try:
                value = call()
                step.outcome = "" if value is None else said(value)
                return value
            except Exception as error:
                step.error = sentence_of(error)
                raise
            finally:
                step.queries = self._work.queries
                step.seconds = time.perf_counter() - step.began

    def close(self) -> None:
        """Closes the connection: stops its statement, rolls back what it did not commit."""
        self._go_on.set()
        if self._raw is not None and not self._last.done():
            self._raw.cancel()
        self._thread.submit(_hang_up).result()
        self._thread.shutdown()


def _hang_up() -> None:
    """Closes the connection of the session's own thread."""
    connection.close()


def _blockers(pid: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_blocking_pids(%s)", [pid])
        pids: list[int] = cursor.fetchone()[0]
        return pids


@contextmanager
def sessions(names: list[str]) -> Iterator[tuple[list[Session], list[SessionStep]]]:
    """Opens sessions with these names in one scratch schema, with the list that records their
    steps.

    Raises AllBusy if no schema becomes free within seconds, TooLong when a statement begins after
    TOTAL_SECONDS.
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
        ends = time.monotonic() + TOTAL_SECONDS
        for name in names:
            opened.append(Session(name, [schema, SCHEMA, "public"], steps, people, ends))
            stack.callback(opened[-1].close)
        yield opened, steps


def _free_slot() -> str:
    """Locks a scratch schema until the connection ends."""
    with connection.cursor() as cursor:
        for number, schema in enumerate(SCRATCH):
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [SLOTS + number])
            if cursor.fetchone() == (True,):
                return schema
        number = time.monotonic_ns() % len(SCRATCH)
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [SLOTS + number])
        except DatabaseError as error:
            raise AllBusy(
                "Others are running recipes that commit, as many at once as there is room for. "
                "Try again in a moment."
            ) from error
        return SCRATCH[number]


def _empty(schema: str) -> None:
    """Empties the schema by DELETE, children first: TRUNCATE would wait for readers such as a
    backup.
    """
    with connection.cursor() as cursor:
        for model in reversed(SCRATCH_MODELS):
            table = f"{schema}.{model._meta.db_table}"
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 1, false)", [table])
