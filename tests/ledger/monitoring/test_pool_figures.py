"""What `/metrics` tells of a pool: how many connections are in use, who waits, who gets none."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection

from tests.ledger.processes import wait_until
from tests.metrics import figure, figures_now, growth
from tests.pooler import connected, own_pool

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.own_connection]


def of_pool(name: str) -> float:
    return figure(figures_now(), f"ledger_pool_{name}", database="default") or 0


def test_connections_are_in_use_from_taking_to_giving_back() -> None:
    with own_pool(size=2) as through, growth() as grown:
        before = of_pool("connections_in_use")
        with connected(through):
            for _ in range(3):
                connection.cursor().execute("SELECT 1")
                assert of_pool("connections_in_use") == before + 1
                assert of_pool("connections_max") == 2
                assert of_pool("connections") >= 1
                connection.close()
                assert of_pool("connections_in_use") == before
    assert grown["ledger_pool_wait_seconds_count"] == {"default": 3}
    assert grown["ledger_pool_refused_total"] == {}


def test_who_waits_and_who_gets_none_is_counted() -> None:
    taken, free = Barrier(2, timeout=60), Barrier(2, timeout=60)

    def take(through: dict[str, Any]) -> None:
        with connected(through):
            connection.cursor().execute("SELECT 1")
            taken.wait()
            free.wait()

    def wait(through: dict[str, Any]) -> None:
        with connected(through), pytest.raises(OperationalError):
            connection.cursor().execute("SELECT 1")

    with (
        own_pool(size=1, seconds=2) as through,
        ThreadPoolExecutor(2) as threads,
        growth() as grown,
    ):
        taking = threads.submit(take, through)
        taken.wait()
        waiting = threads.submit(wait, through)
        wait_until(lambda: of_pool("waiting") == 1)
        waiting.result()
        free.wait()
        taking.result()
        assert of_pool("waiting") == 0
    assert grown["ledger_pool_refused_total"] == {"default": 1}
    assert grown["ledger_pool_wait_seconds_count"] == {"default": 1}
