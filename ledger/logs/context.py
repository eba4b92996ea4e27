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
    """Adds facts to all log lines inside the block, in addition to the facts of outer blocks.

    The function `facts` is called for each line. Each request and each thread has separate facts.
    """
    before = _facts.set((*_facts.get(), facts))
    try:
        yield
    finally:
        _facts.reset(before)


@contextmanager
def noting() -> Iterator[Mapping[str, Fact]]:
    """Yields a dict that receives the facts of `note` inside the block. The log line at the end of
    the request contains these facts.
    """
    notes: dict[str, Fact] = {}
    before = _noted.set(notes)
    try:
        yield notes
    finally:
        _noted.reset(before)


def note(**facts: Fact) -> None:
    """Adds facts to the log line at the end of the request. Does nothing outside a request."""
    notes = _noted.get()
    if notes is not None:
        notes.update(facts)


def add_process_facts(**facts: Fact) -> None:
    """Adds facts to all later log lines of this process."""
    _of_process.update(facts)


def current() -> dict[str, Fact]:
    """Returns the facts for a log line that is written now."""
    found = dict(_of_process)
    for facts in _facts.get():
        found |= facts()
    return found
