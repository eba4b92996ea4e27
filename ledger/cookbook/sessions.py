"""Two people at once: connections of their own, each in its own thread, that really commit.

    def lost_update(ana: Session, ben: Session) -> int:
        ana.begin()
        seen = ana.run(lambda: Jar.objects.get(name="rent").coins)
        waiting = ben.start(lambda: Jar.objects.filter(name="rent").update(coins=0))
        ana.commit()
        waiting.result()

They work in one of a few scratch schemas, which is emptied before and after.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.db import DatabaseError, connection
from django.db import transaction as db_transaction

from ledger.cookbook.practice import SCHEMA, SCRATCH
from ledger.cookbook.role import SECONDS, put_on
from ledger.cookbook.showing import said
from ledger.db.work import Query, watched

T = TypeVar("T")
SLOTS = 7_205_759_403_792_800  # the advisory lock of the first scratch schema; the next ones follow
LOOK_AGAIN = 0.005  # seconds between two looks at whether somebody waits for a lock


class AllBusy(Exception):
    """Every scratch schema is in use."""


@dataclass(slots=True)
class Step:
    """What one session did: its queries, what came of it, and whether it had to wait."""

    session: str
    word: str = ""  # BEGIN, COMMIT or ROLLBACK
    queries: list[Query] = field(default_factory=list)
    waited_for: list[str] = field(default_factory=list)
    outcome: str = ""
    error: str = ""
    seconds: float = 0.0

    @property
    def milliseconds(self) -> float:
        return self.seconds * 1000


class Waiting(Generic[T]):
    """What a session is still doing."""

    def __init__(self, future: "Future[T]") -> None:
        self._future = future

    def result(self) -> T:
        """Its value, or its exception, once it is done."""
        return self._future.result(timeout=SECONDS * 4)


class Session:
    """One connection in one thread. What it is told to do, it does in order."""

    def __init__(self, name: str, path: list[str], steps: list[Step]) -> None:
        self.name = name
        self._path = path
        self._steps = steps
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"cookbook-{name}")
        self._atomic: Any = None
        self.pid: int = self._thread.submit(self._open).result()

    def _open(self) -> int:
        put_on(self._path, local=False, read_only=False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid: int = cursor.fetchone()[0]
            return pid

    def begin(self, isolation: str = "") -> None:
        """Opens a transaction; `isolation` like "REPEATABLE READ"."""
        self._do(lambda: self._enter(isolation), word="BEGIN").result()

    def _enter(self, isolation: str) -> None:
        self._atomic = db_transaction.atomic()
        self._atomic.__enter__()
        if isolation:
            with connection.cursor() as cursor:
                cursor.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")

    def commit(self) -> None:
        """Ends the transaction for good; of one that has failed, Postgres makes a rollback."""
        self._do(self._leave, word="COMMIT").result()

    def rollback(self) -> None:
        """Takes back all that was done since `begin`."""

        def leave() -> None:
            db_transaction.set_rollback(True)
            self._leave()

        self._do(leave, word="ROLLBACK").result()

    def _leave(self) -> None:
        atomic, self._atomic = self._atomic, None
        atomic.__exit__(None, None, None)

    def run(self, call: Callable[[], T]) -> T:
        """Does it and gives its value; an exception comes to the caller."""
        return self._do(call).result()

    def start(self, call: Callable[[], T]) -> Waiting[T]:
        """Begins with it and comes back when it is done or waits for another's lock."""
        step = self._step("")
        future = self._thread.submit(self._noted, call, step)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline and not wait([future], timeout=LOOK_AGAIN).done:
            if _blockers(self.pid):
                step.waited_for.append("a lock")
                break
        return Waiting(future)

    def _do(self, call: Callable[[], T], word: str = "") -> Waiting[T]:
        return Waiting(self._thread.submit(self._noted, call, self._step(word)))

    def _step(self, word: str) -> Step:
        self._steps.append(Step(self.name, word))
        return self._steps[-1]

    def _noted(self, call: Callable[[], T], step: Step) -> T:
        started = time.perf_counter()
        with watched(with_session=True) as work:
            try:
                value = call()
                step.outcome = "" if value is None else said(value)
                return value
            except Exception as error:
                step.error = sentence_of(error)
                raise
            finally:
                step.queries = work.queries
                step.seconds = time.perf_counter() - started

    def close(self) -> None:
        """Ends the connection; what was not committed is rolled back by Postgres."""
        self._thread.submit(_hang_up).result()
        self._thread.shutdown()


def _hang_up() -> None:
    """For a session's own thread: `connection` is another one in each."""
    connection.close()


def _blockers(pid: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_blocking_pids(%s)", [pid])
        pids: list[int] = cursor.fetchone()[0]
        return pids


def sentence_of(error: Exception) -> str:
    """What Postgres said, in its first line, with the SQLSTATE; else the exception."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) if isinstance(error, DatabaseError) else None
    first = str(error).strip().partition("\n")[0]
    return f"{state} {first}" if state else f"{type(error).__name__}: {first}"


@contextmanager
def sessions(names: list[str]) -> Iterator[tuple[list[Session], list[Step]]]:
    """Sessions by these names in one scratch schema that nobody else uses meanwhile, and the
    list that their steps are noted in. AllBusy where every schema is in use for seconds."""
    with ExitStack() as stack:
        keeper = Session("keeper", ["public"], [])
        stack.callback(keeper.close)
        schema = keeper.run(_free_slot)
        keeper.run(lambda: _empty(schema))
        stack.callback(lambda: keeper.run(lambda: _empty(schema)))
        steps: list[Step] = []
        opened = []
        for name in names:
            opened.append(Session(name, [schema, SCHEMA, "public"], steps))
            stack.callback(opened[-1].close)
        yield opened, steps


def _free_slot() -> str:
    """The lock of a scratch schema, kept until the connection ends."""
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
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {schema}.jars, {schema}.jobs")
        for table in ("jars", "jobs"):
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), 1, false)", [f"{schema}.{table}"]
            )
