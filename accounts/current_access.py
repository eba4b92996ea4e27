"""Checks whether the session or token of the current request is still valid."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Check = Callable[[Any | None], None]

_check: ContextVar[Check | None] = ContextVar("current_access", default=None)


@contextmanager
def checked_by(check: Check) -> Iterator[None]:
    """Makes `refuse_if_ended` call `check` within the block."""
    before = _check.set(check)
    try:
        yield
    finally:
        _check.reset(before)


def refuse_if_ended(person: Any | None = None) -> None:
    """Raises AccessEnded if the current request belongs to `person` (the current row) and its
    session, token or sign-in has ended. Also raises it for staff whose sign-in was closed or whose
    rights have changed. Does nothing outside a request.

    Call it after the lock that a change waits for. It costs one query for a step of staff, and none
    for a customer's request, unless it is about the customer's own row.
    """
    check = _check.get()
    if check is not None:
        check(person)
