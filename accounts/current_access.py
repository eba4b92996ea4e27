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
    """Raises AccessEnded in two cases:

    - `person` is the user of the current request, and the session, token or sign-in has ended.
    - The user of the current request is staff, and their sign-in was closed or their rights have
      changed.

    Does nothing outside a request. The caller must read `person` after locking the row. Makes one
    query in a request of staff, and in a request of `person`.
    """
    check = _check.get()
    if check is not None:
        check(person)
