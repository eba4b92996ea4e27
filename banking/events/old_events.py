"""Deletes events after the retention period, if they were delivered to all webhooks.

An event that was not delivered is kept until it is delivered or its webhook is removed.
"""

from datetime import datetime

from django.db import connection
from django.db import transaction as db_transaction

from banking.events.models import Webhook, WebhookQueue

_DELIVERIES = """
    DELETE FROM webhook_deliveries AS delivery USING webhooks AS hook
    WHERE hook.id = delivery.webhook_id AND delivery.tried_at < %s AND (
        hook.status = 'removed' OR EXISTS (
            SELECT FROM webhook_queues AS queue
            WHERE queue.webhook_id = hook.id AND queue.account_id = delivery.account_id
              AND queue.position >= delivery.number))
"""
_EVENTS = """
    DELETE FROM events WHERE at < %s AND NOT EXISTS (
        SELECT FROM webhook_queues AS queue
        WHERE queue.account_id = events.account_id AND queue.position < events.number
           OR queue.account_id = events.other_account_id
              AND queue.position < events.other_number)
"""


def delete_old_events(before: datetime) -> dict[str, int]:
    """Deletes the events that are older than `before` and were delivered to all webhooks. Also
    deletes finished deliveries from before this time, and removed webhooks without deliveries.
    Returns the numbers of deleted rows.
    """
    with db_transaction.atomic(durable=True), connection.cursor() as cursor:
        WebhookQueue.objects.filter(webhook__status=Webhook.Status.REMOVED).delete()
        cursor.execute(_DELIVERIES, [before])
        deliveries = cursor.rowcount
        cursor.execute(_EVENTS, [before])
        events = cursor.rowcount
        removed = Webhook.objects.filter(status=Webhook.Status.REMOVED, deliveries=None)
        removed.delete()
    return {"events": events, "deliveries to webhooks": deliveries}
