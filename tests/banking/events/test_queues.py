"""Claims of webhooks: who has one may send, until the claim ends; and whose events are due.

A person has one claim at a time, and slow receivers take turns behind the others.
"""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from banking.events import queues
from banking.events.models import Webhook, WebhookQueue
from banking.events.sending import SLOW_SECONDS, SendResult
from tests.banking.events.shared import listening_account, webhook_of
from tests.factories import AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db
ME, OTHER = "worker 1", "worker 2"
LATER, EARLIER = timedelta(seconds=1), timedelta(seconds=-1)
SLOW = SendResult(200, "", 9.8)


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


def ask(*, by: str = ME, may_be_slow: bool = True) -> Webhook | None:
    """The webhook that the worker gets, as it is then."""
    found = queues.claim(by, may_be_slow=may_be_slow)
    return Webhook.objects.get(pk=found.webhook) if found else None


def served(webhook: Webhook, ago: float, *, slow_ago: float | None = None) -> None:
    """Its last turn ended so many seconds ago; its last slow attempt, too."""
    now = timezone.now()
    webhook.claim_ends = now - timedelta(seconds=ago)
    if slow_ago is not None:
        webhook.slow_until = now - timedelta(seconds=slow_ago) + queues.SLOW_FOR
    webhook.save(update_fields=["claim_ends", "slow_until"])


def due_webhook() -> Webhook:
    """Of somebody else, with one event that is due."""
    account = listening_account()
    services.deposit(to_account=account, amount=Decimal(5))
    return account.user.webhooks.get()


def test_a_person_has_one_claim_at_a_time(account: Account) -> None:
    second = webhook_of(account.user)
    services.deposit(to_account=account, amount=Decimal(5))
    first = ask()
    assert first is not None
    assert ask(by=OTHER) is None
    queues.give_back(first.pk, ME)
    assert ask(by=OTHER) == second


@pytest.mark.parametrize("status", [Webhook.Status.PAUSED, Webhook.Status.REMOVED])
def test_a_webhook_that_is_turned_off_during_an_attempt_still_counts(
    account: Account, status: str
) -> None:
    assert ask() is not None
    Webhook.objects.update(status=status)
    webhook_of(account.user)
    services.deposit(to_account=account, amount=Decimal(5))
    assert ask(by=OTHER) is None


def test_other_people_are_claimed_at_the_same_time(account: Account) -> None:
    other = due_webhook()
    assert {ask(), ask(by=OTHER)} == {account.user.webhooks.get(), other}


def test_whose_turn_is_longest_ago_goes_first_however_many_webhooks_they_have(
    account: Account,
) -> None:
    mine, new = account.user.webhooks.get(), webhook_of(account.user)
    services.deposit(to_account=account, amount=Decimal(5))
    other = due_webhook()
    served(mine, 5)
    served(other, 10)
    assert ask() == other
    assert ask() == new


def test_a_slow_attempt_makes_all_webhooks_of_its_owner_slow(account: Account) -> None:
    """Also those that are added later: otherwise a new one would never be slow."""
    assert ask() is not None
    hook = account.user.webhooks.get()
    sending = queues.begin(hook.pk, ME)
    assert sending is not None
    queues.finish(sending, SLOW)
    queues.give_back(hook.pk, ME)
    hook.refresh_from_db()
    hook.remove()
    webhook_of(account.user)
    services.deposit(to_account=account, amount=Decimal(5))
    assert ask(may_be_slow=False) is None
    found = queues.claim(ME, may_be_slow=True)
    assert found is not None
    assert found.is_slow


def test_a_quick_attempt_makes_nobody_slow(account: Account) -> None:
    assert ask() is not None
    sending = queues.begin(account.user.webhooks.get().pk, ME)
    assert sending is not None
    queues.finish(sending, SendResult(200, "", SLOW_SECONDS))
    assert Webhook.objects.get().slow_until is None


@pytest.mark.parametrize(("ago", "is_slow"), [(-5, True), (5, False)])
def test_a_webhook_is_slow_for_a_time_after_its_last_slow_attempt(
    account: Account, ago: float, is_slow: bool
) -> None:
    served(account.user.webhooks.get(), 1, slow_ago=queues.SLOW_FOR.total_seconds() + ago)
    assert (ask(may_be_slow=False) is None) is is_slow


@pytest.mark.parametrize(("sooner", "goes_first"), [(-5, False), (5, True)])
def test_a_slow_webhook_waits_longer_but_not_for_ever(
    account: Account, sooner: float, goes_first: bool
) -> None:
    slow, quick = account.user.webhooks.get(), due_webhook()
    served(quick, 1)
    served(slow, 1 + queues.SLOW_WAITS + sooner, slow_ago=1)
    assert ask() == (slow if goes_first else quick)


def test_a_claim_keeps_no_slow_webhook_of_somebody_else_waiting(account: Account) -> None:
    slow, quick = account.user.webhooks.get(), due_webhook()
    served(quick, 1)
    served(slow, 1, slow_ago=1)
    assert ask() == quick
    assert ask(by=OTHER) == slow
