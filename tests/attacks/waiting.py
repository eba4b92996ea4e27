"""Runs one function while the transaction of another function, for which it must wait, is not
committed.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
from django.db import connection
from django.db import transaction as db_transaction

from accounts.exceptions import LedgerError

WAITING = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


def after_waiting_for(
    first: Callable[[], object],
    second: Callable[[], object],
    *,
    meanwhile: Callable[[], object] = lambda: None,
) -> Any:
    """Runs `second` in another thread while `first` is not committed, and calls `meanwhile` while
    `second` waits. Returns the result of `second` after `first` has ended.
    """

    def elsewhere() -> object:
        try:
            return second()
        except LedgerError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with db_transaction.atomic():
            first()
            result = pool.submit(elsewhere)
            with psycopg.connect(**connection.get_connection_params(), autocommit=True) as outside:
                while not outside.execute(WAITING).fetchone():
                    assert not result.done(), "it did not wait"
            meanwhile()
        return result.result(timeout=60)
