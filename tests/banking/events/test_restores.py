"""Receivers are told that a restore gives numbers again, and which events are gone."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Q

from accounts.models import Account
from banking.events import services as event_services
from banking.events.deliverer import Deliverer
from banking.events.forms import KindsForm
from banking.events.models import (
    AccountEvent,
    EventStream,
    Webhook,
    WebhookDelivery,
    WebhookQueue,
)
from banking.events.restores import announce_restore
from tests.banking.events.receiver import Receiver, receiving
from tests.banking.events.receiver_books import ReceiverBooks
from tests.factories import AccountFactory
from transactions import services
from transactions.models import EventKind

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def on_this_machine(settings: Any) -> None:
    settings.LEDGER_WEBHOOK_PRIVATE = True


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def account(receiver: Receiver) -> Account:
    account: Account = AccountFactory(balance="1000")
    event_services.add_webhook(owner=account.user, url=receiver.url, kinds=["posted"])
    return account


def deliver() -> None:
    Deliverer(report=lambda _line: None).deliver_due()


def pay(account: Account) -> str:
    return str(services.withdraw(from_account=account, amount=Decimal(1)).pk)


def go_back(account: Account, number: int) -> None:
    """Puts what is sent to webhooks back to where this event was the last, as a restore does."""
    here = Q(account=account)
    AccountEvent.objects.filter(here, number__gt=number).delete()
    WebhookDelivery.objects.filter(here, number__gt=number).delete()
    EventStream.objects.filter(here).update(last_number=number)
    WebhookQueue.objects.filter(here).update(position=number)


def test_a_receiver_has_what_the_restored_bank_has(account: Account, receiver: Receiver) -> None:
    books = ReceiverBooks()
    stays = pay(account)
    lost = [pay(account) for _ in range(3)]
    deliver()
    books.take(receiver.received)
    assert [*books.kept.values()] == [stays, *lost]

    go_back(account, 1)
    assert announce_restore() == 1
    later = [pay(account) for _ in range(2)]
    deliver()

    books.take(receiver.received[4:])
    assert [*books.kept.values()] == [stays, *later]


def test_several_restores_follow_each_other_in_time(account: Account, receiver: Receiver) -> None:
    """The second leads back to before the first was announced, and its messages come twice."""
    books = ReceiverBooks()
    stays = [pay(account) for _ in range(2)]
    pay(account)
    deliver()
    go_back(account, 2)
    announce_restore()
    pay(account)
    deliver()
    go_back(account, 1)
    announce_restore()
    later = pay(account)
    deliver()

    books.take(receiver.received)
    books.take(receiver.received[-2:])

    assert [*books.kept.values()] == [stays[0], later]


def test_a_restore_without_a_loss_takes_nothing(account: Account, receiver: Receiver) -> None:
    books = ReceiverBooks()
    before = pay(account)
    announce_restore()
    announce_restore()
    after = pay(account)
    deliver()
    books.take(receiver.received)
    assert [*books.kept.values()] == [before, after]


def test_a_webhook_that_was_off_is_told_once_it_is_on(account: Account, receiver: Receiver) -> None:
    hook = Webhook.objects.get().pk
    event_services.turn_off(owner=account.user, webhook=hook)
    announce_restore()
    deliver()
    assert receiver.received == []
    event_services.turn_on(owner=account.user, webhook=hook)
    deliver()
    assert [each.content["type"] for each in receiver.received] == [EventKind.RESTORED]


def test_accounts_to_which_nobody_listens_get_no_event(account: Account) -> None:
    AccountFactory()
    assert announce_restore() == 1


def test_nobody_chooses_whether_a_restore_is_told() -> None:
    assert KindsForm({"kinds": ["posted"]}).is_valid()
    assert not KindsForm({"kinds": ["posted", EventKind.RESTORED]}).is_valid()
