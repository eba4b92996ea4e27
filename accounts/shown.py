"""Collects whose data a request has read, for the read log.

Note [Whose data]: models add the owner of each row that is loaded from the database while `collect`
is active, so that no page can forget to report it. The middleware `accounts.read_log` activates it
for each request, and logs what staff and analysts read of other people. A page that loads nobody's
rows is not logged, unless it is an admin page with a query string or a search of the whole bank.
`by_right` is set if a permission, not ownership, gave the user access to rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shown:
    """The ids of the people whose rows were loaded, and of the accounts of loaded payments.
    `unnamed`: whether data about other, unidentified people was loaded. `by_right`: whether a
    permission gave access to the rows.
    """

    people: set[Any] = field(default_factory=set)
    accounts: set[Any] = field(default_factory=set)
    unnamed: bool = False
    by_right: bool = False


_shown: ContextVar[Shown | None] = ContextVar("shown", default=None)


@contextmanager
def collect() -> Iterator[Shown]:
    """Collects whose rows are loaded within the block."""
    token = _shown.set(Shown())
    try:
        shown = _shown.get()
        assert shown is not None  # noqa: S101 - set above
        yield shown
    finally:
        _shown.reset(token)


def add(person: Any) -> None:
    """Adds the id of the person who owns a loaded row. Ignores None."""
    shown = _shown.get()
    if shown is not None and person is not None:
        shown.people.add(person)


def add_accounts(*accounts: Any) -> None:
    """Adds the ids of the accounts of a loaded payment. Ignores None."""
    shown = _shown.get()
    if shown is not None:
        shown.accounts.update(account for account in accounts if account is not None)


def add_unnamed() -> None:
    """Records that loaded data may be about people whose ids are not in it."""
    shown = _shown.get()
    if shown is not None:
        shown.unnamed = True


def opened_by_right() -> None:
    """Records that the user sees rows of this request because of a permission."""
    shown = _shown.get()
    if shown is not None:
        shown.by_right = True
