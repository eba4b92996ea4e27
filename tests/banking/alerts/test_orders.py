"""Alerts of standing orders say what is true when they are shown."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account
from banking.alerts.models import Alert
from banking.alerts.reads import AlertLine, lines_of
from banking.alerts.sending import send_due
from banking.alerts.upcoming import write_upcoming_alerts
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import pay_due
from banking.standing_orders.services import change_amount, end, pause, skip
from ledger.text.dates import short_date
from tests.banking.alerts.shared import wants
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory
from tests.pages import text_of
from transactions import services

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def today() -> date:
    return timezone.localdate()


@pytest.fixture
def refused(everyday: Account, mara: Account) -> StandingOrder:
    """An order of 1500 due today, refused and told; 1000 is available."""
    wants(everyday, "order_failed", mail="now")
    order = order_of(everyday, mara, amount=Decimal(1500), first_on=today())
    assert pay_due().waiting == 1
    order.refresh_from_db()
    return order


def line() -> AlertLine:
    (found,) = lines_of(list(Alert.objects.all()))
    return found


def tries() -> str:
    now, after = short_date(today()), short_date(today() + DAY)
    return f"We try again until the end of {now}, and once more on {after}."


def test_a_refused_payment_is_told_with_its_next_tries_on_the_page_and_in_the_mail(
    client: Client, everyday: Account, refused: StandingOrder
) -> None:
    client.force_login(everyday.user)
    send_due()
    (sent,) = mail.outbox
    assert sent.subject == "A standing order of 1,500.00 USD is not paid yet"
    for text in (text_of(client.get("/alerts/")), str(sent.body)):
        assert "is not paid yet" in text
        assert "From Everyday to M••• L•••, due on" in text
        assert "500.00." in text
        assert tries() in text


def test_the_daily_mail_says_what_became_of_the_payment_meanwhile(
    everyday: Account, refused: StandingOrder
) -> None:
    Alert.objects.update(mail="daily", created_at=timezone.now() - 2 * DAY)
    services.deposit(to_account=everyday, amount=Decimal(500))
    pay_due()
    send_due()
    (sent,) = mail.outbox
    body = str(sent.body).replace("\xa0", " ")
    assert "A standing order of 1,500.00 USD was refused, then paid" in body
    assert f"1,500.00 USD was paid on {short_date(today())}." in body
    assert "tried" not in body
    assert "available" not in body


def test_the_reason_is_that_of_the_last_try(everyday: Account, refused: StandingOrder) -> None:
    services.withdraw(from_account=everyday, amount=Decimal(100))
    pay_due()
    assert "Refused: Everyday has 900.00 available;" in line().detail
    assert "1,000.00" not in line().detail


def test_a_payment_that_is_refused_for_good_is_not_said_to_be_tried_again(
    refused: StandingOrder,
) -> None:
    pay_due(now=timezone.now() + DAY)
    assert line().title.endswith("was not paid")
    assert line().detail.endswith("too much by 500.00. We do not try again.")


def test_of_an_order_that_has_ended_the_alert_says_so(mara: Account, everyday: Account) -> None:
    wants(everyday, "order_failed")
    order_of(everyday, mara, first_on=today())
    services.withdraw(from_account=mara, amount=Decimal(1000))
    close_account(account=mara, reason="Left")
    pay_due()
    assert line().title.endswith("was not paid")
    assert "account is closed. We do not try again, because the order has ended." in line().detail


def test_an_order_that_its_owner_ended_paused_or_skipped_is_not_said_to_be_tried_again(
    refused: StandingOrder,
) -> None:
    pause(order=refused)
    assert "do not try again while the order is paused" in line().detail
    StandingOrder.objects.update(status="active")
    refused.refresh_from_db()
    skip(order=refused, day=today())
    assert line().detail.endswith("The day was skipped. We do not try again.")
    end(order=refused)
    assert line().detail.endswith("the order has ended.")


def test_after_its_last_try_was_due_or_its_amount_has_changed_the_days_are_not_said(
    refused: StandingOrder,
) -> None:
    StandingOrder.objects.update(refused_at=timezone.now() - DAY)
    assert line().detail.endswith("We try once more.")
    change_amount(order=refused, amount=Decimal(1200))
    assert line().detail.endswith("We try again.")


def test_a_long_name_is_cut_and_the_figures_of_the_reason_are_not(mara: Account) -> None:
    long = "L" * 100
    mine = AccountFactory(name=long, balance="7.32")
    wants(mine, "order_failed", mail="now")
    order_of(mine, mara, amount=Decimal(500), first_on=today())
    pay_due()
    send_due()
    for text in (line().detail, line().mailed, str(mail.outbox[0].body)):
        assert "has 7.32 available; 500.00 is too much by 492.68." in text
        assert long not in text
        assert "L…" in text


def test_a_recipient_whose_name_looks_like_a_link_is_not_mailed(everyday: Account) -> None:
    savings = AccountFactory(user=everyday.user, name="evil.example")
    wants(everyday, "order_failed", mail="now")
    order_of(everyday, savings, amount=Decimal(1500), first_on=today())
    pay_due()
    send_due()
    assert "evil" in line().detail
    assert "evil" not in str(mail.outbox[0].body)


def test_an_alert_of_an_erased_order_claims_nothing_of_it(refused: StandingOrder) -> None:
    StandingOrder.objects.filter(pk=refused.pk).delete()
    assert line().title.endswith("was not paid")
    assert "tried" not in line().detail


def test_missing_money_is_told_for_all_payments_until_then_with_recipient_and_amount(
    mara: Account,
) -> None:
    mine = AccountFactory(name="Everyday", balance="420.32")
    wants(mine, "order_lacks", mail="now")
    order_of(mine, mara, amount=Decimal(450), first_on=today())
    later = order_of(mine, mara, amount=Decimal(900), first_on=today() + 2 * DAY)
    assert write_upcoming_alerts() == 2
    Alert.objects.exclude(about=later.pk).delete()
    send_due()
    on = short_date(today() + 2 * DAY)
    (sent,) = mail.outbox
    assert sent.subject == f"Everyday needs 929.68 USD more by {on}"
    assert "For the standing order to M••• L••• of 900.00 USD and 1 earlier payment." in str(
        sent.body
    ).replace("\xa0", " ")


def test_money_that_was_missing_is_told_with_what_became_of_the_payment(
    everyday: Account, mara: Account
) -> None:
    wants(everyday, "order_lacks")
    order_of(everyday, mara, amount=Decimal(1500), first_on=today())
    write_upcoming_alerts()
    services.deposit(to_account=everyday, amount=Decimal(500))
    pay_due()
    assert "Everyday needed " in line().title
    paid = f"1,500.00 USD was paid on {short_date(today())}."
    assert line().detail.replace("\xa0", " ").endswith(paid)
