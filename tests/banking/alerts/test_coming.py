"""Alerts of what no commit causes: holds that expire, orders that will lack money."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import close_account, freeze_account
from banking.alerts import orders
from banking.alerts.models import Alert
from banking.alerts.reads import lines_of
from banking.alerts.upcoming import write_upcoming_alerts
from banking.standing_orders.forecast import failing_soon
from banking.standing_orders.services import skip
from tests.banking.alerts.shared import told, wants
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory
from tests.pages import text_of
from transactions import services

pytestmark = pytest.mark.django_db


def hold(account: Account, to: Account | None, amount: int, hours: float) -> None:
    services.hold(
        from_account=account, to_account=to, amount=Decimal(amount),
        expires_at=timezone.now() + timedelta(hours=hours),
    )  # fmt: skip


def test_a_hold_is_told_a_day_before_it_expires_and_once(everyday: Account, mara: Account) -> None:
    wants(everyday, "hold_expiring")
    for amount, hours in ((1, 23), (2, 25), (4, 1)):
        hold(everyday, mara, amount, hours)
    hold(mara, everyday, 8, 1)  # who would receive it, is not told
    assert [write_upcoming_alerts(), write_upcoming_alerts()] == [2, 0]
    assert sorted(told()) == [("hold_expiring", Decimal(1)), ("hold_expiring", Decimal(4))]


def test_the_other_side_of_a_hold_is_not_named(everyday: Account, mara: Account) -> None:
    wants(everyday, "hold_expiring")
    hold(everyday, mara, 30, 2)
    write_upcoming_alerts()
    (line,) = lines_of(list(Alert.objects.all()))
    assert line.title.startswith("A hold of 30.00\N{NO-BREAK SPACE}USD expires")
    assert "Mara" not in line.title + line.detail


def test_nobody_is_told_of_a_hold_who_has_not_chosen_it(everyday: Account) -> None:
    hold(everyday, None, 1, 2)
    assert write_upcoming_alerts() == 0


def test_too_little_money_for_an_order_is_told_once(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_lacks")
    soon = timezone.localdate() + timedelta(days=2)
    order = order_of(everyday, mara, amount=Decimal(1300), first_on=soon)
    order_of(everyday, mara, amount=Decimal(5000), first_on=soon + timedelta(days=1))
    assert [write_upcoming_alerts(), write_upcoming_alerts()] == [1, 0]
    alert = Alert.objects.get()
    assert (alert.about, alert.day, alert.amount) == (order.pk, soon, 300)
    order_of(everyday, mara, amount=Decimal(10), first_on=soon)
    assert write_upcoming_alerts() == 0  # it would be paid, and the other was told
    services.deposit(to_account=everyday, amount=Decimal(300))
    assert write_upcoming_alerts() == 1
    assert set(told()) == {("order_lacks", Decimal(300)), ("order_lacks", Decimal(10))}


def test_an_order_of_a_frozen_account_is_told(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_lacks")
    order_of(everyday, mara, first_on=timezone.localdate() + timedelta(days=1))
    freeze_account(account=everyday, reason="Lost card")
    assert write_upcoming_alerts() == 1
    (line,) = lines_of(list(Alert.objects.all()))
    assert line.title.startswith("A standing order cannot be paid on")
    assert line.detail.startswith("Everyday is frozen: the standing order to M••• L••• of 10.00")


def test_an_order_that_was_skipped_could_not_be_paid(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_lacks")
    day = timezone.localdate() + timedelta(days=1)
    order = order_of(everyday, mara, first_on=day)
    freeze_account(account=everyday, reason="Lost card")
    assert write_upcoming_alerts() == 1
    skip(order=order, day=day)
    (line,) = lines_of(list(Alert.objects.all()))
    assert line.title.startswith("A standing order could not be paid on")


def test_an_order_above_the_limit_of_a_day_is_told(everyday: Account, mara: Account) -> None:
    wants(everyday, "order_lacks")
    for amount in (80, 30):
        order_of(everyday, mara, amount=Decimal(amount), first_on=timezone.localdate())
    Account.objects.filter(pk=everyday.pk).update(daily_limit=100)
    assert [write_upcoming_alerts(), write_upcoming_alerts()] == [1, 0]
    (line,) = lines_of(list(Alert.objects.all()))
    assert line.title.startswith("A standing order cannot be paid on")
    assert line.detail.startswith("From Everyday: the standing order")
    assert "of 30.00\N{NO-BREAK SPACE}USD, above 100.00\N{NO-BREAK SPACE}USD per day" in line.detail


def test_an_order_to_an_own_account_that_was_closed_is_told(everyday: Account) -> None:
    wants(everyday, "order_lacks")
    savings = AccountFactory(user=everyday.user, name="Savings")
    order_of(everyday, savings, first_on=timezone.localdate())
    close_account(account=savings, reason="Left")
    assert write_upcoming_alerts() == 1
    (line,) = lines_of(list(Alert.objects.all()))
    assert line.detail.startswith("From Everyday: the standing order")
    assert "of 10.00\N{NO-BREAK SPACE}USD: Savings is closed" in line.detail


def test_a_person_whose_orders_fail_keeps_no_other_from_alerts_and_mails(
    everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = timezone.localdate() + timedelta(days=1)
    for mine, other in ((everyday, mara), (mara, everyday)):
        wants(mine, "order_lacks", mail="now")
        order_of(mine, other, amount=Decimal(9000), first_on=soon)

    tried = list[User]()

    def fails_once(owner: User) -> Any:
        tried.append(owner)
        return failing_soon(owner) if len(tried) > 1 else 1 / 0

    monkeypatch.setattr(orders, "failing_soon", fails_once)
    with pytest.raises(ZeroDivisionError):
        call_command("send_alerts")
    assert [alert.owner for alert in Alert.objects.all()] == [tried[1]]
    assert [sent.to for sent in mail.outbox] == [[tried[1].email]]


def test_the_list_shows_them(client: Client, everyday: Account, mara: Account) -> None:
    wants(everyday, "order_lacks")
    order = order_of(everyday, mara, amount=Decimal(1300), first_on=timezone.localdate())
    write_upcoming_alerts()
    client.force_login(everyday.user)
    page = client.get("/alerts/")
    assert "Everyday needs 300.00 USD more by" in text_of(page)
    assert "For the standing order to M••• L••• of 1,300.00 USD." in text_of(page)
    assert f"/standing-orders/{order.pk}/" in page.content.decode()
