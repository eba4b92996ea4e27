"""What an account can send up to at most: in one payment, and in a day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.factories import AccountFactory
from transactions import services
from transactions.exceptions import LimitExceeded
from transactions.models import Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db


def test_a_payment_above_its_limit_is_refused() -> None:
    account = AccountFactory(balance="1000", transfer_limit=Decimal(100))
    with pytest.raises(LimitExceeded, match=r"above the limit of 100\.00"):
        services.withdraw(from_account=account, amount=Decimal("100.01"))
    services.withdraw(from_account=account, amount=Decimal(100))


def test_a_day_above_its_limit_is_refused_over_calls_and_within_a_batch() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    services.withdraw(from_account=account, amount=Decimal(60))
    with pytest.raises(LimitExceeded, match=r"can send up to 40\.00 USD more"):
        services.withdraw(from_account=account, amount=Decimal(41))
    drafts = [Draft(from_account=account, amount=Decimal(30)) for _ in range(2)]
    results = services.post_batch(drafts, atomic=False)
    assert [type(result) for result in results] == [Transaction, LimitExceeded]


def test_the_daily_limit_counts_holds_and_may_be_used_up_exactly() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    services.hold(from_account=account, amount=Decimal(30))
    with pytest.raises(LimitExceeded, match=r"can send up to 70\.00 USD more"):
        services.withdraw(from_account=account, amount=Decimal("70.01"))
    services.withdraw(from_account=account, amount=Decimal(70))
    said = rf"^{account.name} has used up its limit of 100\.00 USD for this day\.$"
    with pytest.raises(LimitExceeded, match=said):
        services.withdraw(from_account=account, amount=Decimal("0.01"))


def test_the_daily_limit_counts_a_hold_in_full_and_its_capture_no_more() -> None:
    account = AccountFactory(balance="1000", daily_limit=Decimal(100))
    hold = services.hold(from_account=account, amount=Decimal(60))
    services.capture(hold=hold, amount=Decimal(20))
    drafts = [Draft(from_account=account, amount=Decimal(41))]
    with pytest.raises(LimitExceeded, match=r"can send up to 40\.00 USD more"):
        services.withdraw(from_account=account, amount=Decimal(41))
    assert isinstance(services.post_batch(drafts, atomic=False)[0], LimitExceeded)
    released = services.hold(from_account=account, amount=Decimal(40))
    services.void(hold=released)
    services.withdraw(from_account=account, amount=Decimal(40))


def test_the_daily_limit_counts_a_capture_alike_alone_and_in_a_batch() -> None:
    alone, batch = (AccountFactory(balance="1000", daily_limit=Decimal(100)) for _ in range(2))
    holds = [services.hold(from_account=a, amount=Decimal(60)) for a in (alone, batch)]
    services.capture(hold=holds[0], amount=Decimal(30))
    services.withdraw(from_account=alone, amount=Decimal(40))
    drafts = [
        Draft(from_account=batch, amount=Decimal(30), captures=holds[1]),
        Draft(from_account=batch, amount=Decimal(40)),
        Draft(from_account=batch, amount=Decimal("0.01")),
    ]
    results = services.post_batch(drafts, atomic=False)
    assert [type(v) for v in results] == [Transaction, Transaction, LimitExceeded]
    with pytest.raises(LimitExceeded):
        services.withdraw(from_account=alone, amount=Decimal("0.01"))


def test_the_daily_limit_counts_each_day_by_itself() -> None:
    account = AccountFactory(daily_limit=Decimal(100))
    day = datetime(2026, 3, 10, 12, tzinfo=UTC)
    history = [Draft(to_account=account, amount=Decimal(1000), created_at=day - timedelta(1))]
    history += [
        Draft(from_account=account, amount=Decimal(80), created_at=day + timedelta(days=n))
        for n in range(3)
    ]
    services.post_batch(history)
    again = Draft(from_account=account, amount=Decimal(80), created_at=day + timedelta(days=2))
    with pytest.raises(LimitExceeded):
        services.post_batch([again])
