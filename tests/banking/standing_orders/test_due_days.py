"""Which day a payment is of, in the bank's time zone, and what its owner is told of a refusal."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings

from accounts.models import Account
from banking.standing_orders import paying
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import PaidOrders, pay_due
from ledger.db.retry import OutcomeUnknown
from tests.banking.standing_orders.orders import order_of, settled
from tests.transactions.posting.shared import answers_lost
from transactions import services
from transactions.exceptions import RecipientFull
from transactions.models import Transaction
from transactions.safeguards.recipients import CANNOT_RECEIVE

pytestmark = pytest.mark.django_db
FIRST = date(2027, 1, 31)


@override_settings(TIME_ZONE="America/New_York")
def test_a_day_begins_at_midnight_of_the_bank(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    evening_before = datetime(2027, 1, 31, 4, 59, tzinfo=UTC)
    assert pay_due(now=evening_before) == PaidOrders()
    assert pay_due(now=evening_before.replace(hour=5)) == PaidOrders(paid=1)
    assert settled(order) == [("01-31", "paid")]


@override_settings(TIME_ZONE="America/New_York")
def test_a_refused_day_is_over_at_midnight_of_the_bank(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs, amount=Decimal(150))
    assert pay_due(now=datetime(2027, 1, 31, 15, tzinfo=UTC)) == PaidOrders(waiting=1)
    assert pay_due(now=datetime(2027, 2, 1, 4, 59, tzinfo=UTC)) == PaidOrders(waiting=1)
    assert pay_due(now=datetime(2027, 2, 1, 5, tzinfo=UTC)) == PaidOrders(refused=1)
    assert settled(order) == [("01-31", "refused")]


def test_all_orders_of_a_day_are_paid_in_one_run(mine: Account, theirs: Account) -> None:
    for _ in range(3):
        order_of(mine, theirs)
    assert pay_due(now=datetime(2027, 1, 31, 12, tzinfo=UTC)) == PaidOrders(paid=3)


def test_the_payments_id_is_made_of_the_order_and_its_day(mine: Account, theirs: Account) -> None:
    order = order_of(mine, theirs)
    pay_due(now=datetime(2027, 1, 31, 12, tzinfo=UTC))
    assert Transaction.objects.get(type="transfer").pk == paying.payment_id(order.pk, FIRST)


@pytest.mark.django_db(transaction=True)
def test_the_payments_id_is_secret_and_a_new_secret_pays_no_day_again(
    mine: Account, theirs: Account, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit of the first run comes through, and its answer is lost with the worker."""
    order, now = order_of(mine, theirs), datetime(2027, 1, 31, 12, tzinfo=UTC)
    with answers_lost(monkeypatch), pytest.raises(OutcomeUnknown):
        pay_due(now=now)
    before = paying.payment_id(order.pk, FIRST)
    settings.SECRET_KEY = "another" * 9
    assert paying.payment_id(order.pk, FIRST) != before
    assert pay_due(now=now) == PaidOrders()
    assert Transaction.objects.get(type="transfer").pk == before


@pytest.mark.django_db(transaction=True)
def test_a_day_whose_step_was_lost_is_refused_by_its_occurrence(
    mine: Account, theirs: Account, settings: Any
) -> None:
    """Whatever the id: what is settled is kept by its day, too."""
    order, now = order_of(mine, theirs), datetime(2027, 1, 31, 12, tzinfo=UTC)
    pay_due(now=now)
    settings.SECRET_KEY = "another" * 9
    StandingOrder.objects.filter(pk=order.pk).update(position=0)
    assert pay_due(now=now) == PaidOrders(waiting=1)
    assert Transaction.objects.filter(type="transfer").count() == 1


def test_what_a_strangers_account_refuses_is_kept_in_words_for_the_owner(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of(mine, theirs)

    def full(*_draft: Any, **_beside: Any) -> None:
        raise RecipientFull("Account 42 holds all that it can.")

    monkeypatch.setattr(services, "book", full)
    assert pay_due(now=datetime(2027, 1, 31, 12, tzinfo=UTC)) == PaidOrders(waiting=1)
    order.refresh_from_db()
    assert order.refused_why == CANNOT_RECEIVE
