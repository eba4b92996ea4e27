"""The figures of webhooks in `/metrics`: what waits, what fails, and what nobody looks after."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from banking.events import figures, queues
from banking.events.models import AccountEvent, Webhook, WebhookDelivery, WebhookQueue
from banking.events.sending import SendResult
from ledger.db.outages.probe import short_connection
from tests.banking.events.shared import listening_account, webhook_of
from tests.factories import UserFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)


def _figures() -> figures.WebhookFigures:
    with short_connection(5) as found:
        return figures.figures(found)


def test_what_waits_and_what_fails_is_told() -> None:
    account = listening_account()
    for _ in range(3):
        services.deposit(to_account=account, amount=Decimal(1))
    WebhookQueue.objects.update(position=1)
    assert (_figures().waiting, _figures().failing) == (2, 0)
    WebhookQueue.objects.update(failing_since=timezone.now())
    found = _figures()
    assert (found.waiting, found.failing, found.unserved_seconds) == (2, 2, 0)
    assert (found.receivers, found.failing_receivers) == (1, 1)
    Webhook.objects.update(status="disabled")
    assert _figures().waiting == 0
    assert _figures().hooks == {"disabled": 1}


def test_events_that_nobody_looks_after_are_told_until_a_worker_serves_them() -> None:
    account = listening_account()
    services.deposit(to_account=account, amount=Decimal(1))
    AccountEvent.objects.update(at=timezone.now() - timedelta(hours=1))
    assert 3500 < _figures().unserved_seconds < 3700
    Webhook.objects.update(claim_ends=timezone.now())
    assert _figures().unserved_seconds < 300


def test_events_of_a_few_receivers_that_always_fail_are_counted() -> None:
    """The figure of the alarm LedgerDeliveriesFail. Each attempt is for the first event only."""
    accounts = [listening_account() for _ in range(2)]
    for account in accounts:
        for _ in range(4):
            services.deposit(to_account=account, amount=Decimal(1))
    for _ in range(2):
        while claim := queues.claim("a worker"):
            sending = queues.begin(claim.webhook, "a worker")
            assert sending is not None
            queues.finish(sending, SendResult(None, "no answer", 0.1, is_unreachable=True))
        WebhookQueue.objects.update(next_at=None)
        Webhook.objects.update(paused_until=None, claim_ends=None)
    found = _figures()
    assert found.attempts == {"failed": 2}
    assert (found.failing, found.receivers, found.failing_receivers) == (8, 1, 1)
    other = Webhook.objects.latest("pk")
    Webhook.objects.filter(pk=other.pk).update(url="https://other.example/hook")
    assert (_figures().receivers, _figures().failing_receivers) == (2, 2)


def test_receivers_that_are_disabled_or_healthy_do_not_count_as_failing() -> None:
    hosts = {"failing": "active", "healthy": "active", "former": "disabled"}
    for host, status in hosts.items():
        account = listening_account()
        services.deposit(to_account=account, amount=Decimal(1))
        hook = Webhook.objects.filter(owner=account.user)
        hook.update(url=f"https://{host}.example/hook", status=status)
        if host != "healthy":
            WebhookQueue.objects.filter(webhook__in=hook).update(failing_since=timezone.now())
    found = _figures()
    assert (found.receivers, found.failing_receivers) == (2, 1)
    assert (found.waiting, found.failing) == (2, 1)


def test_deliveries_of_the_last_hour_are_counted_by_outcome() -> None:
    account, now = listening_account(), timezone.now()
    webhook_of(UserFactory(), status="paused")
    for number, (status, ago) in enumerate([("failed", 0), ("failed", 0), ("delivered", 7200)]):
        WebhookDelivery.objects.create(
            webhook=Webhook.objects.get(owner=account.user), account=account, number=number,
            kind="posted", at=now, status=status, tried_at=now - timedelta(seconds=ago),
        )  # fmt: skip
    found = _figures()
    assert found.attempts == {"failed": 2}
    assert found.hooks == {"active": 1, "paused": 1}
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for family in figures.families(found)
        for sample in family.samples
    }
    assert told["ledger_webhook_deliveries_hour", "failed"] == 2
    assert told["ledger_webhook_deliveries_hour", "delivered"] == 0
    assert told["ledger_webhooks", "disabled"] == 0
