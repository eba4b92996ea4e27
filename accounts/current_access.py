"""What has signed the current request in, and whether it still counts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Check = Callable[[Any | None], None]

_check: ContextVar[Check | None] = ContextVar("current_access", default=None)


@contextmanager
def checked_by(check: Check) -> Iterator[None]:
    """Within the block, `refuse_if_ended` calls `check`."""
    before = _check.set(check)
    try:
        yield
    finally:
        _check.reset(before)


def refuse_if_ended(person: Any | None = None) -> None:
    """Raises AccessEnded if the current request is of this person, and its session, token or
    sign-in has ended; or if it is of staff, and their sign-in was closed or their rights have
    changed. `person` is the User as they are now. Without a request nothing is checked.

    Call it after the lock that a change waits for. It costs one query for a step of staff, none for
    a customer's request about anything but their own row.
    """
    check = _check.get()
    if check is not None:
        check(person)
