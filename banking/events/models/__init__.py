"""The models of events, and of the webhooks to which they are sent."""

from banking.events.models.event import AccountEvent, EventStream
from banking.events.models.webhook import Webhook, WebhookDelivery, WebhookQueue

__all__ = [
    "AccountEvent",
    "EventStream",
    "Webhook",
    "WebhookDelivery",
    "WebhookQueue",
]
