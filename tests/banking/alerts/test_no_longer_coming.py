"""What will not come any more is not told as coming."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.models import Account
from banking.alerts import upcoming
from banking.alerts.upcoming import write_upcoming_alerts
from banking.standing_orders.models import StandingOrder
from tests.banking.alerts.shared import told, wants
from tests.banking.standing_orders.orders import order_of
from transactions import services

pytestmark = pytest.mark.django_db


def test_a_hold_that_is_captured_released_or_over_is_not_told(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(everyday, "hold_expiring")
    now = timezone.now()
    holds = [
        services.hold(
            from_account=everyday, to_account=mara, amount=Decimal(amount),
            expires_at=now + timedelta(hours=hours),
        )
        for amount, hours in ((1, 20), (2, 20), (4, 5), (8, 20))
    ]  # fmt: skip
    services.capture(hold=holds[0])
    services.void(hold=holds[1])
    monkeypatch.setattr(upcoming, "clock", lambda: now + timedelta(hours=6))
    assert write_upcoming_alerts() == 1
    assert told() == [("hold_expiring", Decimal(8))]


def test_a_payment_that_was_refused_is_not_told_as_lacking(
    everyday: Account, mara: Account
) -> None:
    wants(everyday, "order_lacks")
    order_of(everyday, mara, amount=Decimal(9999), first_on=timezone.localdate())
    StandingOrder.objects.update(refused_at=timezone.now(), refused_why="Too little money.")
    assert write_upcoming_alerts() == 0
    StandingOrder.objects.update(refused_at=None, refused_why="")
    assert write_upcoming_alerts() == 1
