"""What a line of the log says of its surroundings: the request, or the command and the job."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Fact = bool | int | str | None
Facts = Callable[[], Mapping[str, Fact]]

_facts: ContextVar[tuple[Facts, ...]] = ContextVar("log_facts", default=())
_of_process: dict[str, Fact] = {}
_noted: ContextVar[dict[str, Fact] | None] = ContextVar("log_notes", default=None)


@contextmanager
def told(facts: Facts) -> Iterator[None]:
    """Within the block, lines of the log carry these facts, and those of blocks around it. They
    are read when a line is written. Each request has its own.
    """
    before = _facts.set((*_facts.get(), facts))
    try:
        yield
    finally:
        _facts.reset(before)


@contextmanager
def noting() -> Iterator[Mapping[str, Fact]]:
    """Yields what code within the block notes, for the line that is written at its end."""
    notes: dict[str, Fact] = {}
    before = _noted.set(notes)
    try:
        yield notes
    finally:
        _noted.reset(before)


def note(**facts: Fact) -> None:
    """Adds facts to the line at the end of the request; nothing outside of one."""
    notes = _noted.get()
    if notes is not None:
        notes.update(facts)


def tell_of_process(**facts: Fact) -> None:
    """Every line of this process, of each of its threads, carries these facts."""
    _of_process.update(facts)


def current() -> dict[str, Fact]:
    """The facts here and now."""
    found = dict(_of_process)
    for facts in _facts.get():
        found |= facts()
    return found
