"""Alerts are written in the commit that causes them, for whoever has chosen them, each once."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account, SignIn
from accounts.services import close_account
from banking.alerts.models import Alert, AlertKind, id_of_alert
from banking.alerts.services import choose, drop, write_new_device_alert
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import OrderChanged
from tests.banking.alerts.shared import told, wants
from tests.banking.standing_orders.orders import at, order_of
from tests.factories import UserFactory
from transactions import services
from transactions.models import Transaction
from transactions.privacy.retention import apply_retention
from transactions.services import Draft

pytestmark = pytest.mark.django_db


def undo(_paid: Transaction) -> None:
    """Refuses what was booked, after the row is written."""
    raise OrderChanged("Not any more.")


@pytest.mark.parametrize("many", [1, 3, 150])
def test_money_in_above_an_amount(everyday: Account, mara: Account, many: int) -> None:
    wants(everyday, "money_in", 5)
    wants(mara, "money_in", 0)
    sent = [
        Draft(from_account=mara, to_account=everyday, amount=amount)
        for amount in (Decimal(5), Decimal("5.01"))
        for _ in range(many)
    ]
    services.deposit(to_account=mara, amount=Decimal(2000))
    Alert.objects.all().delete()
    services.post_batch(sent)
    assert told() == [("money_in", Decimal("5.01"))] * many
    about = set(Alert.objects.values_list("about", flat=True))
    above = Transaction.objects.filter(amount=Decimal("5.01"))
    assert about == set(above.values_list("pk", flat=True))
    assert set(Alert.objects.values_list("owner", flat=True)) == {everyday.user_id}


@pytest.mark.parametrize("many", [1, 120])
def test_money_out_above_an_amount(everyday: Account, mara: Account, many: int) -> None:
    wants(everyday, "money_out", 2)
    wants(mara, "money_out", 2)
    drafts = [
        Draft(from_account=everyday, to_account=mara, amount=amount)
        for amount in [Decimal(2), *[Decimal(3)] * many]
    ]
    services.post_batch(drafts)
    assert told() == [("money_out", Decimal(3))] * many


def test_a_low_balance_is_told_when_it_is_crossed(everyday: Account, mara: Account) -> None:
    wants(everyday, "balance_below", 900)
    for amount in (100, 1, 50):
        services.transfer(from_account=everyday, to_account=mara, amount=Decimal(amount))
    alert = Alert.objects.get()
    assert (alert.kind, alert.amount, alert.balance) == ("balance_below", 900, 899)
    services.deposit(to_account=everyday, amount=Decimal(500))
    services.withdraw(from_account=everyday, amount=Decimal(500))
    assert Alert.objects.count() == 2


def test_a_hold_moves_no_money_and_its_capture_does(everyday: Account, mara: Account) -> None:
    wants(everyday, "money_out", 0)
    hold = services.hold(from_account=everyday, to_account=mara, amount=Decimal(30))
    assert told() == []
    services.capture(hold=hold, amount=Decimal(20))
    assert told() == [("money_out", Decimal(20))]


def test_nobody_is_told_of_an_account_of_others(everyday: Account, mara: Account) -> None:
    """A choice for another's account, as injected SQL could write it, tells nothing."""
    choose(owner=mara.user, kind=AlertKind.MONEY_IN, account=everyday, amount=Decimal(0))
    services.deposit(to_account=everyday, amount=Decimal(7))
    assert told() == []


def test_nothing_is_told_before_a_choice_after_it_is_dropped_or_without_the_commit(
    everyday: Account,
) -> None:
    services.deposit(to_account=everyday, amount=Decimal(1))
    choice = choose(
        owner=everyday.user, kind=AlertKind.MONEY_IN, account=everyday, amount=Decimal(0)
    )
    with pytest.raises(OrderChanged):
        services.book(Draft(to_account=everyday, amount=Decimal(2)), write_also=undo)
    assert told() == []
    drop(choice=choice)
    services.deposit(to_account=everyday, amount=Decimal(3))
    assert told() == []


def test_a_payment_that_is_sent_twice_is_told_once(everyday: Account) -> None:
    wants(everyday, "money_in", 0)
    paid = services.deposit(to_account=everyday, amount=Decimal(4))
    services.deposit(id=paid.pk, to_account=everyday, amount=Decimal(4))
    alert = Alert.objects.get()
    assert alert.pk == id_of_alert("money_in", everyday.user_id, paid.pk, None)


def test_a_refused_order_is_told_once_a_day_of_it(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_failed")
    first = date(2027, 1, 31)
    order = order_of(everyday, mara, amount=Decimal(5000), first_on=first)
    for days in (0, 0, 1):  # refused, again, and for good
        pay_due(now=at(first + timedelta(days=days), hour=12 + days))
    assert order.occurrences.get().outcome == "refused"
    alert = Alert.objects.get()
    assert (alert.kind, alert.about, alert.day) == ("order_failed", order.pk, first)
    assert "available" in alert.detail
    assert alert.pk == id_of_alert("order_failed", everyday.user_id, order.pk, first)


def test_an_order_that_ends_at_once_is_told(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_failed")
    order = order_of(everyday, mara, first_on=date(2027, 1, 31))
    services.withdraw(from_account=mara, amount=Decimal(1000))
    close_account(account=mara, reason="Left")
    pay_due(now=at(date(2027, 1, 31)))
    assert Alert.objects.get().about == order.pk


def test_a_sign_in_from_a_new_device_is_told_to_who_wants_it(everyday: Account) -> None:
    row = SignIn.objects.create(
        user=everyday.user, outcome="ok", device="Firefox on Windows", place="Lisbon"
    )
    write_new_device_alert(sign_in=row)
    assert told() == []
    wants(everyday, "new_device")
    write_new_device_alert(sign_in=row)
    write_new_device_alert(sign_in=row)
    alert = Alert.objects.get()
    assert (alert.kind, alert.detail) == ("new_device", "Firefox on Windows, Lisbon")
    refused = SignIn.objects.create(user=UserFactory(), outcome="refused", device="x", place="y")
    write_new_device_alert(sign_in=refused)
    assert Alert.objects.count() == 1


def test_an_alert_is_as_old_as_its_writing(everyday: Account) -> None:
    """Not as its payment: history that is imported would be told under old days."""
    wants(everyday, "money_in", 0)
    before = timezone.now()
    services.deposit(to_account=everyday, amount=Decimal(1))
    assert before - timedelta(seconds=1) < Alert.objects.get().created_at


def test_alerts_are_deleted_after_their_time(everyday: Account, settings: Any) -> None:
    wants(everyday, "money_in", 0)
    services.deposit(to_account=everyday, amount=Decimal(1))
    days = timedelta(days=settings.LEDGER_KEEP_ALERTS_DAYS)
    assert apply_retention(timezone.now() + days - timedelta(minutes=1))["alerts"] == 0
    assert apply_retention(timezone.now() + days + timedelta(minutes=1))["alerts"] == 1
