"""The models of events and webhooks."""

from banking.events.models.event import AccountEvent, EventStream
from banking.events.models.webhook import Webhook, WebhookDelivery, WebhookQueue

__all__ = [
    "AccountEvent",
    "EventStream",
    "Webhook",
    "WebhookDelivery",
    "WebhookQueue",
]
