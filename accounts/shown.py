"""Whose data a request has read, for the log of reads.

Note [Whose data]: models add the owner of each row that is loaded from the database while `collect`
is open, so that no page can forget to tell. The middleware `accounts.read_log` opens it for each
request, and logs what staff and analysts read of others; a page that loads nobody's rows is not
logged, unless it answers a question to the admin or a search of the bank. `by_right` is set where a
permission, not ownership, opened rows to the reader.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Shown:
    """The ids of the people whose rows were loaded, and of the accounts of loaded payments;
    whether something of people was loaded who are not named there, and whether a permission opened
    the rows.
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
    """Adds the id of the person to whom a loaded row belongs; None adds nothing."""
    shown = _shown.get()
    if shown is not None and person is not None:
        shown.people.add(person)


def add_accounts(*accounts: Any) -> None:
    """Adds the ids of the accounts that a loaded payment names; None adds nothing."""
    shown = _shown.get()
    if shown is not None:
        shown.accounts.update(account for account in accounts if account is not None)


def add_unnamed() -> None:
    """Says that something was loaded that may tell of people, but does not name them by ids."""
    shown = _shown.get()
    if shown is not None:
        shown.unnamed = True


def opened_by_right() -> None:
    """Says that the reader sees rows of this request by a permission."""
    shown = _shown.get()
    if shown is not None:
        shown.by_right = True
