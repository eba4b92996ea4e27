"""The audit reads the numbers of events, and a migration heals streams that count too low."""

from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

from accounts.models import Account
from tests.factories import AccountFactory
from tests.transactions.audit.breaking import found
from tests.transactions.events.shared import events_of, listening_account
from transactions import services
from transactions.audit.audit import audit
from transactions.models import AccountEvent, EventStream

pytestmark = pytest.mark.django_db
ONE = Decimal(1)


@pytest.fixture
def account() -> Account:
    """With three events, of the payments that it received."""
    account = listening_account()
    payer = listening_account(balance="10")
    for _ in range(3):
        services.transfer(from_account=payer, to_account=account, amount=ONE)
    assert audit().clean
    return account


def test_two_events_with_the_same_number_are_found(account: Account) -> None:
    AccountEvent.objects.filter(other_account=account, other_number=3).update(other_number=2)
    finding = found("event")
    assert (finding.account, finding.found, finding.broken) == (str(account.pk), "2", 1)


def test_an_event_above_its_stream_is_found(account: Account) -> None:
    EventStream.objects.filter(account=account).update(last_number=1)
    finding = found("event")
    assert (finding.account, finding.found, finding.broken) == (str(account.pk), "3", 2)


def test_an_event_without_a_stream_is_found(account: Account) -> None:
    EventStream.objects.filter(account=account).delete()
    assert found("event").account == str(account.pk)


def test_events_before_the_period_are_left_out(account: Account) -> None:
    EventStream.objects.filter(account=account).update(last_number=1)
    assert audit(since=timezone.now()).clean


def test_events_that_were_deleted_leave_no_finding(account: Account) -> None:
    AccountEvent.objects.filter(other_account=account, other_number__lt=3).delete()
    assert audit().clean


def test_the_migration_raises_a_stream_that_counts_too_low(account: Account) -> None:
    fine = listening_account()
    services.deposit(to_account=fine, amount=ONE)
    EventStream.objects.filter(account=account).update(last_number=1)
    migration = import_module("transactions.migrations.0063_last_numbers_of_streams")
    with connection.cursor() as cursor:
        cursor.execute(migration.RAISE)
    assert EventStream.objects.get(account=fine).last_number == 1
    services.transfer(from_account=account, to_account=AccountFactory(), amount=ONE)
    assert [event.number for event in events_of(account)] == [1, 2, 3, 4]
    assert audit().clean
