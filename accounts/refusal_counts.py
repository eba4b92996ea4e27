"""Counts refusals by the class name of their LedgerError, for `/metrics`. If services call each
other, only the outermost service counts the refusal. The log line of the request also contains the
name.
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

# Where a refusal happened: in a booking, in a review that does not move money, or in another
# service.
BOOKING, REVIEW, SERVICE = "booking", "review", "service"
REFUSALS = Counter(
    "ledger_refusals_total",
    "Refusals, by the name of the LedgerError and by place: booking, review, service.",
    ["error", "where"],
)
_is_inside: ContextVar[bool] = ContextVar("counts_refusals", default=False)


def count_refusals(names: Mapping[str, int], where: str) -> None:
    """Counts refusals that a service returns instead of raising. `names` maps the name of an error
    to the number of refusals.
    """
    for name, many in names.items():
        REFUSALS.labels(name, where).inc(many)
        context.note(refusal=slug_of(name))


@contextmanager
def counting_refusals(where: str) -> Iterator[None]:
    """Counts a LedgerError that the block raises. Of nested blocks, only the outermost block
    counts.
    """
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
    """Decorates a service that does not move money, so that its refusals are counted."""

    @functools.wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        with counting_refusals(SERVICE):
            return function(*args, **kwargs)

    return counted
