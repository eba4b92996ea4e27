"""Counters, gauges and histograms. The environment decides whether processes share them."""

from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry, values

from ledger.metrics import shared

__all__ = ["COUNTS_TOGETHER", "Counter", "Gauge", "Histogram", "registry"]

COUNTS_TOGETHER = shared.is_shared()  # fixed at import: a folder that is set later has no effect
if COUNTS_TOGETHER:
    values.ValueClass = values.MultiProcessValue(shared.slot)  # type: ignore[no-untyped-call]
else:  # also if the variable is set but empty
    values.ValueClass = values.MutexValue
# The times at which counters began would double the number of series.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

registry = CollectorRegistry()
Counter = partial(prometheus_client.Counter, registry=registry)
# Gauges of ended processes are ignored.
Gauge = partial(prometheus_client.Gauge, registry=registry, multiprocess_mode="livesum")
Histogram = partial(prometheus_client.Histogram, registry=registry)
