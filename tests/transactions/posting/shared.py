"""What several tests of this folder share."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections

from ledger.db import retry
from transactions.posting import counts, single_statement

WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Runs each work in a thread of its own, all let go together; what each returned."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            barrier.wait(timeout=30)
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as pool:
        return [future.result(timeout=120) for future in [pool.submit(run, w) for w in works]]


def wait_for_whoever_waits(other: Any) -> None:
    """Asked from outside: within a transaction the answer would stay the same."""
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as outside:
        while not outside.execute(WAITING).fetchone():
            assert not other.done(), other.result()


def lose_next_answer(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """The next COMMIT is done, and its answer is lost; True once that has happened."""
    commit, lost = connection.commit, list[bool]()

    def lose_the_answer() -> None:
        commit()
        if not lost:
            lost.append(True)
            raise OperationalError from psycopg.OperationalError("server closed the connection")

    monkeypatch.setattr(connection, "commit", lose_the_answer)
    return lost


@contextmanager
def answers_lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each COMMIT is done, its answer is lost, and nothing is tried again."""
    commit = connection.commit

    def lose_the_answer() -> None:
        commit()
        raise OperationalError from psycopg.OperationalError("server closed the connection")

    with monkeypatch.context() as patched:
        patched.setattr(retry, "UNTIL_BACK", 0.0)
        patched.setattr(single_statement, "suits", lambda _: False)
        patched.setattr(connection, "commit", lose_the_answer)
        yield


def counted(kind: str) -> dict[str, float]:
    """How many payments of this kind ended each way until now."""
    (metric,) = counts.PAYMENTS.collect()
    mine = [sample for sample in metric.samples if sample.labels["kind"] == kind]
    return {sample.labels["outcome"]: sample.value for sample in mine}


def more(before: dict[str, float], kind: str) -> tuple[float, ...]:
    """How many more were booked, repeated and refused."""
    now = counted(kind)
    return tuple(now[name] - before[name] for name in ("booked", "repeated", "refused"))
