"""Webhooks lock their owner before the owner's accounts, as everything else does: nobody waits for
a person while they hold accounts or a webhook, and no account is opened unheard.
"""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account, User
from banking.events import queues, services
from banking.events.models import EventStream, Webhook, WebhookQueue
from banking.events.sending import GONE, SendResult
from tests.attacks.waiting import after_waiting_for
from tests.banking.events.shared import events_of, webhook_of
from tests.factories import AccountFactory
from transactions import services as money

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES: dict[str, Callable[[User, Webhook], object]] = {
    "added": lambda owner, _: services.add_webhook(
        owner=owner, url="https://example.com/other", kinds=["paid"]
    ),
    "turned off": lambda owner, hook: services.turn_off(owner=owner, webhook=hook.pk),
    "removed": lambda owner, hook: services.remove_webhook(owner=owner, webhook=hook.pk),
    "changed by SQL": lambda _, hook: Webhook.objects.filter(pk=hook.pk).update(status="paused"),
}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Account:
    monkeypatch.setattr("banking.events.targets.resolve", lambda _target, _owner: None)
    account: Account = AccountFactory()
    return account


@pytest.mark.parametrize("change", CHANGES)
def test_it_waits_for_its_owner_while_no_account_is_locked(account: Account, change: str) -> None:
    hook = webhook_of(account.user)

    def accounts_are_free() -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT FROM accounts FOR NO KEY UPDATE NOWAIT")

    after_waiting_for(
        lambda: User.objects.locked([account.user_id]).get(),
        lambda: CHANGES[change](account.user, hook),
        meanwhile=accounts_are_free,
    )
    assert (Webhook.objects.count() == 2) == (change == "added")


@pytest.mark.parametrize("code", [GONE, 500])
def test_what_turns_it_off_after_a_failure_waits_for_its_owner_first(
    account: Account, code: int
) -> None:
    hook = webhook_of(account.user)
    money.deposit(to_account=account, amount=Decimal(1))
    WebhookQueue.objects.update(failing_since=timezone.now() - queues.GIVE_UP_AFTER)
    hook.claimed_by, hook.claim_ends = "worker", timezone.now() + timedelta(minutes=5)
    hook.save(update_fields=["claimed_by", "claim_ends"])
    sending = queues.begin(hook.pk, "worker")
    assert sending is not None

    def webhook_is_free() -> None:
        with psycopg.connect(**connection.get_connection_params()) as other:
            other.execute("SELECT FROM webhooks FOR NO KEY UPDATE NOWAIT")

    after_waiting_for(
        lambda: User.objects.locked([account.user_id]).get(),
        lambda: queues.finish(sending, SendResult(code, "It failed.", 0.1)),
        meanwhile=webhook_is_free,
    )
    hook.refresh_from_db()
    assert hook.status == Webhook.Status.DISABLED


def test_a_webhook_waits_for_an_account_that_is_opened_and_listens_to_it(account: Account) -> None:
    def first() -> None:
        Account.objects.create(user=account.user, currency="USD")

    after_waiting_for(first, lambda: webhook_of(account.user))
    assert EventStream.objects.filter(is_listened=True).count() == 2


def test_an_account_waits_for_a_webhook_that_is_added_and_is_told(account: Account) -> None:
    new = after_waiting_for(
        lambda: webhook_of(account.user),
        lambda: Account.objects.create(user=account.user, currency="USD"),
    )
    assert [event.kind for event in events_of(new)] == ["account.opened"]


def test_no_claim_waits_for_an_owner_whom_somebody_else_has_locked(account: Account) -> None:
    """Another worker may be claiming for the same person."""
    hook = webhook_of(account.user)
    money.deposit(to_account=account, amount=Decimal(1))
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute("SELECT FROM users WHERE id = %s FOR NO KEY UPDATE", [account.user_id])
        assert queues.claim("worker") is None
    found = queues.claim("worker")
    assert found is not None
    assert found.webhook == hook.pk
