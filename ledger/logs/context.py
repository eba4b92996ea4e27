"""What a line of the log says of its surroundings: the request, or the command and the job."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Fact = bool | int | str | None
Facts = Callable[[], Mapping[str, Fact]]

_facts: ContextVar[tuple[Facts, ...]] = ContextVar("log_facts", default=())
_of_process: dict[str, Fact] = {}


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


def tell_of_process(**facts: Fact) -> None:
    """Every line of this process, of each of its threads, carries these facts."""
    _of_process.update(facts)


def current() -> dict[str, Fact]:
    """The facts here and now."""
    found = dict(_of_process)
    for facts in _facts.get():
        found |= facts()
    return found
