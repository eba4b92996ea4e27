"""Counters, gauges and histograms, of this process or shared, as its environment says."""

from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry, values

from ledger.metrics import shared

__all__ = ["COUNTS_TOGETHER", "Counter", "Gauge", "Histogram", "registry"]

COUNTS_TOGETHER = shared.is_shared()  # as it is now: a folder that is named later changes nothing
if COUNTS_TOGETHER:
    values.ValueClass = values.MultiProcessValue(shared.slot)  # type: ignore[no-untyped-call]
else:  # also where the variable is there and empty
    values.ValueClass = values.MutexValue
# The times at which counters began would double the number of series.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

registry = CollectorRegistry()
Counter = partial(prometheus_client.Counter, registry=registry)
# Gauges of ended processes are ignored.
Gauge = partial(prometheus_client.Gauge, registry=registry, multiprocess_mode="livesum")
Histogram = partial(prometheus_client.Histogram, registry=registry)
