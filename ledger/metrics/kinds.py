"""The classes for counters, gauges and histograms. With the environment variable
PROMETHEUS_MULTIPROC_DIR, all processes share their values.
"""

from functools import partial

import prometheus_client
from prometheus_client import CollectorRegistry, values

from ledger.metrics import shared

__all__ = ["COUNTS_TOGETHER", "Counter", "Gauge", "Histogram", "registry"]

# Set when this module is imported; a folder that is set later has no effect.
COUNTS_TOGETHER = shared.is_shared()
if COUNTS_TOGETHER:
    values.ValueClass = values.MultiProcessValue(shared.slot)  # type: ignore[no-untyped-call]
else:  # also if the variable is set to an empty value
    values.ValueClass = values.MutexValue
# The start times of counters would double the number of time series.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

registry = CollectorRegistry()
Counter = partial(prometheus_client.Counter, registry=registry)
# Gauges of processes that have ended are ignored.
Gauge = partial(prometheus_client.Gauge, registry=registry, multiprocess_mode="livesum")
Histogram = partial(prometheus_client.Histogram, registry=registry)
