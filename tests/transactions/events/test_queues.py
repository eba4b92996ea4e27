"""Claims of webhooks: who has one may send, until the claim ends; and whose events are due."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.events.shared import listening_account, webhook_of
from transactions import services
from transactions.events import queues
from transactions.models import Webhook, WebhookQueue

pytestmark = pytest.mark.django_db
ME, OTHER = "worker 1", "worker 2"
LATER, EARLIER = timedelta(seconds=1), timedelta(seconds=-1)


@pytest.fixture
def account() -> Account:
    """With one event that is due."""
    found = listening_account()
    services.deposit(to_account=found, amount=Decimal(5))
    return found


def claimed(by: str, ends: timedelta) -> Webhook:
    """The webhook, claimed until so long from now."""
    Webhook.objects.update(claimed_by=by, claim_ends=timezone.now() + ends)
    return Webhook.objects.get()


def test_who_has_the_claim_sends_and_has_it_for_another_attempt(account: Account) -> None:
    webhook = claimed(ME, LATER)
    sending = queues.begin(webhook.pk, ME)
    assert sending is not None
    assert sending.delivery.number == 1
    renewed = Webhook.objects.get().claim_ends
    assert renewed is not None
    assert renewed - timezone.now() > timedelta(seconds=queues.lease() - 10)


@pytest.mark.parametrize(("by", "ends"), [(ME, EARLIER), (OTHER, LATER)])
def test_without_a_claim_nothing_is_sent(account: Account, by: str, ends: timedelta) -> None:
    assert queues.begin(claimed(by, ends).pk, ME) is None


@pytest.mark.parametrize(("ends", "gets_it"), [(EARLIER, True), (LATER, False)])
def test_a_webhook_is_claimed_again_only_once_its_claim_is_over(
    account: Account, ends: timedelta, gets_it: bool
) -> None:
    claimed(OTHER, ends)
    assert (queues.claim(ME) is not None) is gets_it


def test_events_of_an_account_of_somebody_else_are_never_due(account: Account) -> None:
    eve = webhook_of(AccountFactory().user)
    WebhookQueue.objects.create(webhook=eve, account=account, position=0)
    Webhook.objects.exclude(pk=eve.pk).update(status=Webhook.Status.DISABLED)
    assert queues.claim(ME) is None
    Webhook.objects.filter(pk=eve.pk).update(
        claimed_by=ME, claim_ends=timezone.now() + timedelta(minutes=1)
    )
    assert queues.begin(eve.pk, ME) is None
