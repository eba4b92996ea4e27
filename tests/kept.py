"""Rows that are written once and that all tests of a module read. Each test's changes are rolled
back to these rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.transaction import atomic, set_rollback
from pytest_django import DjangoDbBlocker


@contextmanager
def rolled_back_at_the_end(blocker: DjangoDbBlocker) -> Iterator[None]:
    """Writes rows for all tests of a module, and rolls back at the end. Every test of the module
    sees the rows. No test may commit or close the connection.
    """
    block = atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # services may be durable in it
    with blocker.unblock(), block:
        yield
        set_rollback(True)
