"""What runs: versions as labels of a figure that is always 1."""

import platform

import django
from prometheus_client.core import GaugeMetricFamily

from ledger.version import REVISION, VERSION

# Not the server's version: while the database is away, it would be another series.
LABELS = {
    "version": VERSION,
    "revision": REVISION,
    "python": platform.python_version(),
    "django": django.get_version(),
}


def family() -> GaugeMetricFamily:
    """Returns ledger_build_info of the process that answers."""
    info = GaugeMetricFamily("ledger_build_info", "1: what this process runs.", labels=list(LABELS))
    info.add_metric(list(LABELS.values()), 1)
    return info
