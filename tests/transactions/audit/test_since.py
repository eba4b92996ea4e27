"""An audit since a time: of what was booked then, and of every balance."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from tests.transactions.audit.breaking import falsify
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db


@pytest.fixture
def old_and_new(books: Any) -> tuple[Transaction, Transaction, datetime]:
    """A row before a time, one after it on the same account, and the time between."""
    a, b = books
    old = Transaction.objects.get(type="transfer")
    between = old.created_at + timedelta(microseconds=1)
    return old, services.transfer(from_account=a, to_account=b, amount=Decimal(3)), between


def test_an_audit_since_a_time_sees_nothing_older(old_and_new: Any) -> None:
    old, _, since = old_and_new
    falsify("UPDATE transactions SET amount = 31 WHERE id = %s", old.pk)
    result = audit(since=since)
    assert (result.clean, result.transactions, result.since) == (True, 3, since)
    assert not audit().clean


def test_an_audit_since_a_time_follows_each_chain_from_the_entry_before(old_and_new: Any) -> None:
    _, new, since = old_and_new
    assert audit(since=since).clean
    falsify("UPDATE transactions SET from_balance = from_balance + 1 WHERE id = %s", new.pk)
    (finding,) = [f for f in audit(since=since).findings if f.check == "chain"]
    assert (finding.transaction, finding.broken) == (str(new.pk), 1)


def test_an_audit_since_a_time_still_sees_every_balance(old_and_new: Any, books: Any) -> None:
    falsify("UPDATE accounts SET balance = balance + 1 WHERE id = %s", books[0].pk)
    checks = {finding.check for finding in audit(since=timezone.now()).findings}
    assert checks == {"balance", "currency"}


def test_an_audit_since_a_time_sees_reversals_exceed_an_older_original(old_and_new: Any) -> None:
    old, _, _ = old_and_new
    services.reverse(transaction=old, amount=Decimal(20))
    since = timezone.now()
    row = services.reverse(transaction=old, amount=Decimal(5))
    assert audit(since=since).clean
    falsify("UPDATE transactions SET amount = 11 WHERE id = %s", row.pk)
    checks = {finding.check for finding in audit(since=since).findings}
    assert checks == {"chain", "reversal"}
