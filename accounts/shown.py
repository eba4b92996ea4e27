"""Collects whose data a request has read, for the read log.

Note [Whose data]: while `collect` is active, each model reports the owner of each row that is
loaded from the database, so no page can forget a person. The middleware `accounts.read_log`
activates `collect` for each request, and logs which other people's data staff and analysts read. A
page that loads no personal data is not logged, unless it is an admin page with a query string or a
search of the whole bank. `by_right` is True if the user may see rows because of a permission, and
not because the user owns the rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shown:
    """The ids of the people whose rows were loaded, and the ids of the accounts of loaded payments.

    `unnamed` is True if the loaded data may be about people whose ids are not known. `by_right` is
    True if a permission gave access to the rows.
    """

    people: set[Any] = field(default_factory=set)
    accounts: set[Any] = field(default_factory=set)
    unnamed: bool = False
    by_right: bool = False


_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)


@contextmanager
def collect() -> Iterator[Shown]:
    """Yields a Shown that collects whose rows are loaded within the block."""
    token = _shown.set(Shown())
    try:
        shown = _shown.get()
        assert shown is not None  # noqa: S101 - set above
        yield shown
    finally:
        _shown.reset(token)


def add(person: Any) -> None:
    """Records the id of the person who owns a loaded row. Ignores None."""
    shown = _shown.get()
    if shown is not None and person is not None:
        shown.people.add(person)


def add_accounts(*accounts: Any) -> None:
    """Records the ids of the accounts of a loaded payment. Ignores None."""
    shown = _shown.get()
    if shown is not None:
        shown.accounts.update(account for account in accounts if account is not None)


def add_unnamed() -> None:
    """Records that the loaded data may be about people whose ids are not known."""
    shown = _shown.get()
    if shown is not None:
        shown.unnamed = True


def opened_by_right() -> None:
    """Records that a permission gave the user access to rows of this request."""
    shown = _shown.get()
    if shown is not None:
        shown.by_right = True
