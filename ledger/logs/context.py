"""Stores the origin of log lines: the request, or the command and the job."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Fact = bool | int | str | None
Facts = Callable[[], Mapping[str, Fact]]

_facts: ContextVar[tuple[Facts, ...]] = ContextVar("log_facts", default=())
_of_process: dict[str, Fact] = {}
_noted: ContextVar[dict[str, Fact] | None] = ContextVar("log_notes", default=None)


@contextmanager
def with_facts(facts: Facts) -> Iterator[None]:
    """Adds fields to all log lines inside the block, in addition to the fields of outer blocks.

    The function `facts` returns the fields and their values. It is called for each line. Each
    request and each thread has separate fields.
    """
    before = _facts.set((*_facts.get(), facts))
    try:
        yield
    finally:
        _facts.reset(before)


@contextmanager
def noting() -> Iterator[Mapping[str, Fact]]:
    """Yields a dict to which each call of `note` inside the block adds its fields. The log line at
    the end of the request contains these fields.
    """
    notes: dict[str, Fact] = {}
    before = _noted.set(notes)
    try:
        yield notes
    finally:
        _noted.reset(before)


def note(**facts: Fact) -> None:
    """Adds fields to the log line at the end of the request. Does nothing outside a request."""
    notes = _noted.get()
    if notes is not None:
        notes.update(facts)


def add_process_facts(**facts: Fact) -> None:
    """Adds fields to all later log lines of this process."""
    _of_process.update(facts)


def current() -> dict[str, Fact]:
    """Returns all current facts about the origin: the facts of the process, and the facts of every
    open `with_facts` block.
    """
    found = dict(_of_process)
    for facts in _facts.get():
        found |= facts()
    return found
