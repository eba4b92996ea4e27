"""Creates a metric whose labels are the versions of the running code. Its value is always 1."""

import platform

import django
from prometheus_client.core import GaugeMetricFamily

from ledger.version import REVISION, VERSION

# The version of the database server is not a label, because it is not known during an outage, and
# then another time series would begin.
LABELS = {
    "version": VERSION,
    "revision": REVISION,
    "python": platform.python_version(),
    "django": django.get_version(),
}


def family() -> GaugeMetricFamily:
    """Returns the metric ledger_build_info for this process."""
    info = GaugeMetricFamily(
        "ledger_build_info", "1; the labels are the versions of this process.", labels=list(LABELS)
    )
    info.add_metric(list(LABELS.values()), 1)
    return info
