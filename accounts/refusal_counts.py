"""Counts refusals by the name of their LedgerError, for `/metrics`. Each is counted once, when it
leaves the outermost service. The request's log line also contains the name.
"""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from accounts.exceptions import LedgerError, slug_of
from ledger.logs import context
from ledger.metrics.kinds import Counter

P = ParamSpec("P")
R = TypeVar("R")

# Where: when money was to be moved, in a review that moves no money, or in another service.
BOOKING, REVIEW, SERVICE = "booking", "review", "service"
REFUSALS = Counter(
    "ledger_refusals_total",
    "Refusals by the name of their LedgerError, and where: booking, review, service.",
    ["error", "where"],
)
_is_inside: ContextVar[bool] = ContextVar("counts_refusals", default=False)


def count_refusals(names: Mapping[str, int], where: str) -> None:
    """Counts refusals that are results, not exceptions. `names` contains the count of each name."""
    for name, many in names.items():
        REFUSALS.labels(name, where).inc(many)
        context.note(refusal=slug_of(name))


@contextmanager
def counting_refusals(where: str) -> Iterator[None]:
    """Counts the refusal that leaves the block. Does nothing inside another such block."""
    if _is_inside.get():
        yield
        return
    token = _is_inside.set(True)
    try:
        yield
    except LedgerError as refusal:
        REFUSALS.labels(type(refusal).__name__, where).inc()
        context.note(refusal=slug_of(type(refusal).__name__))
        raise
    finally:
        _is_inside.reset(token)


def counts_refusals(function: Callable[P, R]) -> Callable[P, R]:
    """Applies `counting_refusals` as a decorator, for services that move no money."""

    @functools.wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        with counting_refusals(SERVICE):
            return function(*args, **kwargs)

    return counted
