"""Writes the metrics that alarms need into the log, for sites without Prometheus.

On AWS this program runs in the same task as the web process (`deploy/aws`). Log filters turn its
lines into metrics. The program needs only the settings PORT and LEDGER_METRICS_TOKEN.

    python -m ledger.monitoring.figures_log
"""

import http.client
import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

EVERY_SECONDS, TIMEOUT_SECONDS = 60, 10
# AWS makes the backups, so the job `backup` never runs and is always late.
NOT_OF_AWS = "backup"
LATEST = {
    "oldest_transaction_seconds": "ledger_db_oldest_transaction_seconds",
    "holds_overdue_seconds": "ledger_holds_overdue_seconds",
    "webhooks_unserved_seconds": "ledger_webhook_unserved_seconds",
}
# Counters. Each log line contains how much they have increased since the previous line.
COUNTED: dict[str, tuple[str, dict[str, str]]] = {
    "payments_unknown": ("ledger_payments_total", {"outcome": "unknown"}),
    "payments_failed": ("ledger_payments_total", {"outcome": "failed"}),
    "refused_by_database": ("ledger_refusals_total", {"error": "RefusedByDatabase"}),
}
RECEIVERS, FAILING = "ledger_webhook_receivers", "ledger_webhook_receivers_failing"
DELIVERIES, DELIVERED = "ledger_webhook_deliveries_hour", {"outcome": "delivered"}
SEALED_UNTIL = "ledger_seal_until_timestamp_seconds"
JOB_LATE = "ledger_job_late"


class Sample(NamedTuple):
    """One value on the page `/metrics` with its name and labels."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples_of(text: str) -> list[Sample]:
    """Returns all values in a text in Prometheus's format."""
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


class FiguresLog:
    """A calculator for the values that the log lines contain. It stores the counters of the
    previous line, because a line contains only the increase of each counter.
    """

    def __init__(self) -> None:
        self._before: dict[str, float] = {}

    def line(self, samples: list[Sample], now: float) -> dict[str, float]:
        """Returns the values of a log line by name, without values that the page does not have.
        `now` is in seconds since 1970.
        """
        found: dict[str, float] = {}
        for name, metric in LATEST.items():
            values = [each.value for each in samples if each.name == metric]
            if values:
                found[name] = max(values)
        failing = [each.value for each in samples if each.name == FAILING]
        if failing:  # as in the alarm LedgerDeliveriesFail
            enough = max(failing) >= min(2, _total(samples, RECEIVERS, {}))
            none_is_served = enough and _total(samples, DELIVERIES, DELIVERED) == 0
            found["webhooks_fail"] = max(failing) if none_is_served else 0
        late = [each for each in samples if each.name == JOB_LATE]
        if late:
            found["jobs_late"] = sum(
                each.value for each in late if each.labels["command"] != NOT_OF_AWS
            )
        sealed = [each.value for each in samples if each.name == SEALED_UNTIL and each.value]
        if sealed:  # a bank without transactions has no seal
            found["unsealed_seconds"] = now - max(sealed)
        for name, (metric, labels) in COUNTED.items():
            found[name] = self._increase(name, _total(samples, metric, labels))
        return {name: round(value, 3) for name, value in found.items()}

    def _increase(self, name: str, total: float) -> float:
        """Returns the increase of a counter since the previous line, and 0 for the first line. If
        the counter has become smaller because processes were restarted, returns the counter itself.
        """
        before = self._before.get(name, total)
        self._before[name] = total
        return total - before if total >= before else total


def _total(samples: list[Sample], metric: str, labels: Mapping[str, str]) -> float:
    return sum(
        each.value
        for each in samples
        if each.name == metric and labels.items() <= each.labels.items()
    )


def page_of(port: int, token: str) -> str:
    """Returns the page `/metrics` of this computer as text. Raises OSError or HTTPException if the
    page cannot be read.
    """
    connection = http.client.HTTPConnection("localhost", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        if answer.status != http.HTTPStatus.OK:
            raise http.client.HTTPException(f"/metrics answered {answer.status}")
        return answer.read().decode()
    finally:
        connection.close()


def write(event: str, **facts: object) -> None:
    """Prints one line of JSON in the format of the web process's log."""
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    print(json.dumps({"time": at, "level": "INFO", "event": event, **facts}), flush=True)


def look(log: FiguresLog, port: int, token: str) -> None:
    """Reads the page `/metrics` once and logs the values, or the reason why the page cannot be
    read.
    """
    try:
        line = log.line(samples_of(page_of(port, token)), time.time())
    except (OSError, http.client.HTTPException, ValueError) as error:
        write("figures.missing", error=type(error).__name__)
    else:
        write("figures", **line)


def main(rounds: int | None = None) -> int:
    """Writes a log line every minute and returns the exit code. `rounds` is the number of lines
    (None: no limit).
    """
    token = os.environ.get("LEDGER_METRICS_TOKEN", "").split(",")[0].strip()
    if not token:
        print("LEDGER_METRICS_TOKEN is missing, so /metrics cannot be read.", file=sys.stderr)
        return 1
    log, port = FiguresLog(), int(os.environ.get("PORT") or 8000)
    while rounds is None or rounds > 0:
        look(log, port, token)
        rounds = rounds if rounds is None else rounds - 1
        if rounds != 0:
            time.sleep(EVERY_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
