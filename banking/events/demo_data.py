"""Creates a demo webhook for the demo user Ana, and records invented deliveries of her holds and
refunds to the webhook. Sends no HTTP request.
"""

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from banking.events import queues, services, signing
from banking.events.models import Webhook
from banking.events.sending import SendResult
from transactions.demo.registered import DemoBank, register
from transactions.models import EventKind

URL = "https://shop.example/ledger"
KINDS = (EventKind.HELD, EventKind.CAPTURED, EventKind.VOIDED, EventKind.REVERSED)
SEEDING = "seed_demo"  # claims the webhook, so that no worker sends to it
TAKEN = SendResult(200, "", 0.18)
REFUSED = SendResult(503, "The address answered that it did not accept the event.", 0.42)
AFTER = timedelta(seconds=2)  # the time between an event and its attempt


@register(order=10, before_booking=True)
def listen(bank: DemoBank) -> None:
    """Adds the demo webhook. Must be called before the first booking. A second call adds nothing.
    The service `add_webhook` looks up the host and sends an email. This function does neither.
    """
    ana = bank.people["ana"]
    if Webhook.objects.filter(owner=ana, url=URL).exists():
        return
    Webhook.objects.create(
        owner=ana,
        url=URL,
        kinds=list(KINDS),
        secrets=signing.stored(signing.new_secret()),
        created_at=ana.created_at,
        claimed_by=SEEDING,
        claim_ends=timezone.now() + timedelta(days=1),
    )


@register(order=40)
def record_deliveries(bank: DemoBank) -> None:
    """Records each event as delivered, with one exception: the receiver refused the release of a
    hold. Then turns the webhook off, because its host does not exist.
    """
    ana = bank.people["ana"]
    webhook = Webhook.objects.get(owner=ana, url=URL)
    while sending := queues.begin(webhook.pk, SEEDING):
        is_release = sending.delivery.kind == EventKind.VOIDED
        queues.finish(sending, REFUSED if is_release else TAKEN)
    if webhook.is_active:
        webhook.deliveries.update(tried_at=F("at") + AFTER)
        services.turn_off(owner=ana, webhook=webhook.pk)
        queues.give_back(webhook.pk, SEEDING)
