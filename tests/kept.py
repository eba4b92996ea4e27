"""Rows that all tests of a module read, written once: each test's own changes go back to them."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.transaction import atomic, set_rollback
from pytest_django import DjangoDbBlocker


@contextmanager
def rolled_back_at_the_end(blocker: DjangoDbBlocker) -> Iterator[None]:
    """For a fixture of a module whose tests all roll back: none may commit for others, or close
    its connection. Every test of the module sees the rows, also one that does not ask for them.
    """
    block = atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # services may be durable in it
    with blocker.unblock(), block:
        yield
        set_rollback(True)
