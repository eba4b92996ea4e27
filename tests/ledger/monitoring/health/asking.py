"""Opens the page Database, and waits for what other sessions do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.test import Client

from ledger.monitoring.health.reading import HealthAnswer, HealthReader
from tests.ledger.processes import wait_until
from tests.pooler import beside

PAGE = "/admin/database/"


def opened(client: Client, **query: str) -> Any:
    answer = client.get(PAGE, query)
    assert answer.status_code == 200, answer.content[:500]
    return answer


@contextmanager
def waiting(session: psycopg.Connection[Any], sql: str) -> Iterator[None]:
    """Runs a statement in a thread, which waits for a lock in the block, and ends after it."""

    def run() -> None:
        with suppress(psycopg.Error):  # it is ended
            session.execute(sql.encode())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: waits_for_lock(session.info.backend_pid))
        yield
    finally:
        with beside() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [session.info.backend_pid])
        thread.join()


def waits_for_lock(pid: int) -> bool:
    with beside() as other:
        found = other.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pid = %s", [pid])
        return found.fetchone() is not None


def counted(sql: str, expected: Callable[[Any], bool]) -> None:
    """Waits until the server's counters, which sessions tell it now and then, are as expected."""

    def is_so() -> bool:
        with beside() as other:
            return expected((other.execute(sql.encode()).fetchone() or (None,))[0])

    wait_until(is_so)


class Told(HealthReader):
    """Answers with rows of the test."""

    def __init__(self, *rows: object) -> None:
        super().__init__("default")
        self._rows = rows

    def ask(self, sql: str, row: type) -> HealthAnswer:  # type: ignore[type-arg]
        return HealthAnswer(sql, 0.0, [each for each in self._rows if isinstance(each, row)])
