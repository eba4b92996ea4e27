"""Counts refusals by the class name of their LedgerError, for `/metrics`. A refusal is counted
once, when it leaves the outermost service. The log line of the request also contains the name.
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

# Where the refusal happened: while money was booked, in a review that does not move money, or in
# another service.
BOOKING, REVIEW, SERVICE = "booking", "review", "service"
REFUSALS = Counter(
    "ledger_refusals_total",
    "Refusals by the name of their LedgerError, and where: booking, review, service.",
    ["error", "where"],
)
_is_inside: ContextVar[bool] = ContextVar("counts_refusals", default=False)


def count_refusals(names: Mapping[str, int], where: str) -> None:
    """Counts refusals that a service returns as results instead of raising them. `names` maps the
    name of an error to the number of refusals.
    """
    for name, many in names.items():
        REFUSALS.labels(name, where).inc(many)
        context.note(refusal=slug_of(name))


@contextmanager
def counting_refusals(where: str) -> Iterator[None]:
    """Counts a LedgerError that is raised in the block. If such blocks are nested, only the
    outermost block counts.
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
    """Returns the service, decorated so that its refusals are counted. Use it for services that do
    not move money.
    """

    @functools.wraps(function)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        with counting_refusals(SERVICE):
            return function(*args, **kwargs)

    return counted
