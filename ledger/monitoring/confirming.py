"""Metrics about the synchronous standbys, which confirm commits."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db.commits.synchronous import Confirmation
from ledger.monitoring.first_seen import seconds_since

WAITING = "waiting_commit"


def families(found: Confirmation) -> Iterator[Metric]:
    """Yields the number of standbys that a commit needs, the number of connected standbys, and the
    longest wait of a commit.
    """
    yield GaugeMetricFamily(
        "ledger_db_synchronous_standbys_needed", "Standbys that each commit waits for.",
        found.needed,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "ledger_db_synchronous_standbys", "Connected synchronous standbys.", found.connected
    )
    yield GaugeMetricFamily(
        "ledger_db_commit_wait_seconds", "How long the oldest commit has waited for a standby.",
        seconds_since(WAITING, found.waiting, found.now),
    )  # fmt: skip
