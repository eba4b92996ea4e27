"""Creates the text of `/metrics` from the counters of all processes and from values that are read
for each request.
"""

import struct
from collections.abc import Callable, Iterable

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from ledger.metrics import shared
from ledger.metrics.kinds import COUNTS_TOGETHER, registry

TRIES = 3  # attempts; a new file has no values at first


class FunctionCollector(Collector):
    """A Prometheus collector whose metrics come from a function."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()

    def describe(self) -> Iterable[Metric]:
        return []


def text_of(*sources: Callable[[], Iterable[Metric]]) -> bytes:
    """Returns the counters of all processes and the metrics of `sources`, in Prometheus's text
    format.
    """
    found = CollectorRegistry(auto_describe=False)
    for source in (counted, *sources):
        found.register(FunctionCollector(source))
    return generate_latest(found)


def counted() -> Iterable[Metric]:
    """Returns the counters, gauges and histograms of all processes."""
    if not COUNTS_TOGETHER:
        return registry.collect()
    for attempt in range(TRIES):
        try:
            return list(MultiProcessCollector.merge(shared.files()))  # type: ignore[no-untyped-call]
        except (struct.error, FileNotFoundError):
            if attempt == TRIES - 1:
                raise
    raise AssertionError  # pragma: no cover - the loop returns or raises
