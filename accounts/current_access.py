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
    """Raises AccessEnded in two cases. First: `person` is the user of the current request, and the
    session, token or sign-in has ended. Second: staff made the request, and the sign-in of this
    staff member was closed or their rights have changed. Does nothing outside a request.

    `person` must be freshly read from the database, after the row lock was acquired. In a request
    of staff, this function makes one query. In a customer's request, it makes a query only if
    `person` is that customer.
    """
    check = _check.get()
    if check is not None:
        check(person)
