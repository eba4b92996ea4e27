"""The audit reads the numbers of events, and a migration heals streams that count too low."""

from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from banking.events.models import AccountEvent, EventStream
from tests.banking.events.shared import listening_account
from tests.transactions.audit.breaking import found
from transactions import services
from transactions.audit.audit import audit

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


@pytest.mark.parametrize("last", [10**18 + 1, 2**63 - 1])
def test_a_stream_that_counts_far_too_high_is_found(account: Account, last: int) -> None:
    """Near the largest bigint, nothing can be booked on the account."""
    EventStream.objects.filter(account=account).update(last_number=last)
    finding = found("event")
    assert (finding.account, finding.found, finding.broken) == (str(account.pk), str(last), 1)


def test_events_before_the_period_are_left_out(account: Account) -> None:
    EventStream.objects.filter(account=account).update(last_number=1)
    assert audit(since=timezone.now()).clean


def test_events_that_were_deleted_leave_no_finding(account: Account) -> None:
    AccountEvent.objects.filter(other_account=account, other_number__lt=3).delete()
    assert audit().clean
