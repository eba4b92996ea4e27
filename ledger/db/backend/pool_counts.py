"""Metrics of Django's connection pool: how long requests wait for a connection, and how many
connections are in use.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from ledger.db import counts


@contextmanager
def taking(database: Any) -> Iterator[None]:
    """Measures how long the block takes to get a connection from the pool. Then counts the
    connection as in use.
    """
    alias, began = database.alias, perf_counter()
    counts.POOL_WAITING.labels(alias).inc()
    try:
        yield
    except Exception:
        counts.POOL_REFUSED.labels(alias).inc()
        raise
    else:
        counts.POOL_WAIT.labels(alias).observe(perf_counter() - began)
        counts.POOL_IN_USE.labels(alias).inc()
    finally:
        counts.POOL_WAITING.labels(alias).dec()
        _note_size(database)


def returned(database: Any) -> None:
    """Counts a connection as no longer in use."""
    counts.POOL_IN_USE.labels(database.alias).dec()
    _note_size(database)


def _note_size(database: Any) -> None:
    pool = database.pool
    counts.POOL_OPEN.labels(database.alias).set(pool.get_stats().get("pool_size", 0))
    counts.POOL_MAX.labels(database.alias).set(pool.max_size)
