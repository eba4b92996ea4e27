"""Webhooks and what they are told, for tests."""

from typing import Any

from django.db.models import Q

from accounts.models import Account, User
from banking.events.models import AccountEvent, Webhook
from tests.factories import AccountFactory
from transactions.models import EventKind


def webhook_of(person: User, **columns: Any) -> Webhook:
    """An active webhook for all kinds of events."""
    values = {"url": "https://receiver.example/hook", "kinds": EventKind.values, **columns}
    return Webhook.objects.create(owner=person, **values)


def listening_account(**details: Any) -> Account:
    """An account whose holder has a webhook, with no event yet."""
    account: Account = AccountFactory(**details)
    webhook_of(account.user)
    return account


def events_of(account: Account) -> list[AccountEvent]:
    """Its events by their numbers on this account, which `number` then has."""
    found = list(AccountEvent.objects.filter(Q(account=account) | Q(other_account=account)))
    for event in found:
        if event.account_id != account.pk:
            event.number = event.other_number or 0
    return sorted(found, key=lambda event: event.number)
