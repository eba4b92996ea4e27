"""The personal data in webhooks, for exports and erasure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from banking.events.models import Webhook, WebhookDelivery, WebhookQueue
from banking.events.old_events import delete_old_events
from transactions.privacy.keeping import in_days
from transactions.privacy.personal_data import (
    DataSection,
    KeptRow,
    PersonalData,
    Row,
    read,
    register,
)


def _webhooks(person: User) -> Iterable[Row]:
    """Returns the data of the person's webhooks, such as URLs and kinds of events. The secrets are
    not included.
    """
    webhooks = Webhook.objects.filter(owner=person).order_by("created_at", "pk")
    return read(webhooks, "url", "kinds", "status", "created_at")


def _kept() -> list[KeptRow]:
    sent = in_days(settings.LEDGER_KEEP_EVENTS_DAYS)
    return [
        (
            "Webhooks: addresses, and what was sent to them",
            f"Until you remove them; what was sent: {sent}",
        )
    ]


def _delete_old(now: datetime) -> dict[str, int]:
    return delete_old_events(now - timedelta(days=settings.LEDGER_KEEP_EVENTS_DAYS))


def _rows(person: User) -> Iterator[QuerySet[Any]]:
    yield WebhookDelivery.objects.filter(webhook__owner=person)
    yield WebhookQueue.objects.filter(webhook__owner=person)
    yield Webhook.objects.filter(owner=person)


def _remove_webhooks(person: User) -> None:
    for webhook in Webhook.objects.owned_by(person):
        webhook.remove()


register(
    PersonalData(
        sections=(DataSection("webhooks", ("url", "events", "status", "added"), _webhooks),),
        kept=_kept,
        delete_old=_delete_old,
        rows=_rows,
        on_leaving=_remove_webhooks,
    )
)
