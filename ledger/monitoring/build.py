"""Versions of the running code, as labels of a metric that is always 1."""

import platform

import django
from prometheus_client.core import GaugeMetricFamily

from ledger.version import REVISION, VERSION

# The database server's version is not a label, because it is unknown during an outage, which would
# create another series.
LABELS = {
    "version": VERSION,
    "revision": REVISION,
    "python": platform.python_version(),
    "django": django.get_version(),
}


def family() -> GaugeMetricFamily:
    """Returns ledger_build_info for this process."""
    info = GaugeMetricFamily(
        "ledger_build_info", "1; the labels are the versions of this process.", labels=list(LABELS)
    )
    info.add_metric(list(LABELS.values()), 1)
    return info
