"""The text of `/metrics`: what was counted, and what is asked at the moment."""

import struct
from collections.abc import Callable, Iterable

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry

from ledger.metrics import shared
from ledger.metrics.kinds import COUNTS_TOGETHER, registry

TRIES = 3  # a file that was just made has no values yet


class Asked(Collector):
    """A collector of what a function returns."""

    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()

    def describe(self) -> Iterable[Metric]:
        return []


def text_of(*sources: Callable[[], Iterable[Metric]]) -> bytes:
    """The counts of all processes and the figures of the sources, in Prometheus's text format."""
    found = CollectorRegistry(auto_describe=False)
    for source in (counted, *sources):
        found.register(Asked(source))
    return generate_latest(found)


def counted() -> Iterable[Metric]:
    """The counters, gauges and histograms of all processes that count together."""
    if not COUNTS_TOGETHER:
        return registry.collect()
    for attempt in range(TRIES):
        try:
            return list(MultiProcessCollector.merge(shared.files()))  # type: ignore[no-untyped-call]
        except (struct.error, FileNotFoundError):
            if attempt == TRIES - 1:
                raise
    raise AssertionError  # pragma: no cover - the loop returns or raises
