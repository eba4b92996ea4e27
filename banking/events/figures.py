"""Metrics about webhooks: events that wait for delivery, and the results of deliveries."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric

from ledger.db.rights.row_security import RowScope, read_every_row
from ledger.metrics.figures import register

MAX_QUEUES = 10_000  # queues above this number are not counted
STATUSES = ("active", "paused", "disabled")
OUTCOMES = ("delivered", "failed", "sending")
HOST = "substring(url FROM '//([^/]+)')"  # the receiver of a webhook
# One SQL statement. `unserved` is the number of seconds for which a webhook has had events to
# deliver and no worker has served it. Webhooks whose receiver fails do not count. A long queue that
# a worker is delivering is not treated as a delay.
FIGURES = f"""
WITH hooks AS (SELECT status, count(*) AS number FROM webhooks GROUP BY status),
attempts AS (
    SELECT status, count(*) AS number FROM webhook_deliveries
    WHERE tried_at > clock_timestamp() - interval '1 hour' GROUP BY status
), queues AS (
    SELECT {HOST} AS host, stream.last_number - queue.position AS waiting,
           queue.failing_since IS NOT NULL
           OR coalesce(hook.paused_until > clock_timestamp(), false) AS is_failing,
           extract(epoch FROM clock_timestamp() - greatest(hook.claim_ends, (
               SELECT min(at) FROM events
               WHERE account_id = queue.account_id AND number = queue.position + 1
                  OR other_account_id = queue.account_id AND other_number = queue.position + 1
           ))) AS unserved
    FROM webhook_queues AS queue
    JOIN webhooks AS hook ON hook.id = queue.webhook_id AND hook.status = 'active'
    JOIN event_streams AS stream ON stream.account_id = queue.account_id
    WHERE stream.last_number > queue.position LIMIT {MAX_QUEUES}
)
SELECT (SELECT coalesce(json_object_agg(status, number), '{{}}') FROM hooks),
       (SELECT coalesce(json_object_agg(status, number), '{{}}') FROM attempts),
       coalesce(sum(waiting), 0)::float,
       coalesce(sum(waiting) FILTER (WHERE is_failing), 0)::float,
       (SELECT count(DISTINCT {HOST}) FROM webhooks WHERE status = 'active'),
       count(DISTINCT host) FILTER (WHERE is_failing),
       coalesce(max(unserved) FILTER (WHERE NOT is_failing), 0)::float
FROM queues"""  # noqa: S608 - a constant


class WebhookFigures(NamedTuple):
    """The single row that the query FIGURES returns. `hooks` is the number of webhooks by status.
    `attempts` is the number of deliveries in the last hour by outcome. `waiting` is the number of
    events that are not delivered yet, and `failing` is the number of those events that wait after a
    failed attempt. `receivers` is the number of different hosts of active webhooks, and
    `failing_receivers` is the number of hosts whose last attempt failed.
    """

    hooks: dict[str, int]
    attempts: dict[str, int]
    waiting: float
    failing: float
    receivers: int
    failing_receivers: int
    unserved_seconds: float


def figures(found: psycopg.Connection[Any]) -> WebhookFigures:
    """Reads and returns the metrics about the webhooks of all people."""
    read_every_row(found, RowScope.AUDIT)
    return WebhookFigures(*found.execute(FIGURES).fetchone() or ())


def families(figures: WebhookFigures) -> Iterator[Metric]:
    hooks = GaugeMetricFamily("ledger_webhooks", "Webhooks by status.", labels=["status"])
    for status in STATUSES:
        hooks.add_metric([status], figures.hooks.get(status, 0))
    yield hooks
    yield GaugeMetricFamily(
        "ledger_webhook_events_waiting",
        f"Events not sent yet by active webhooks; of {MAX_QUEUES:,} queues at most.",
        figures.waiting,
    )
    yield GaugeMetricFamily(
        "ledger_webhook_events_failing",
        "Waiting events for receivers that have failed and are tried again.",
        figures.failing,
    )
    yield GaugeMetricFamily(
        "ledger_webhook_receivers", "Hosts of active webhooks.", figures.receivers
    )
    yield GaugeMetricFamily(
        "ledger_webhook_receivers_failing",
        "Hosts of active webhooks that have failed and are tried again.",
        figures.failing_receivers,
    )
    yield GaugeMetricFamily(
        "ledger_webhook_unserved_seconds",
        "The longest time for which no worker has served due events.",
        max(0.0, figures.unserved_seconds),
    )
    attempts = GaugeMetricFamily(
        "ledger_webhook_deliveries_hour",
        "Deliveries that were last tried within an hour, by outcome.",
        labels=["outcome"],
    )
    for outcome in OUTCOMES:
        attempts.add_metric([outcome], figures.attempts.get(outcome, 0))
    yield attempts


register("webhooks", figures, families)
