"""A form that is sent again before its first request is committed leads to the same row."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, User
from banking.outside import services as outside
from banking.outside.models import OutsideAccount
from banking.standing_orders.models import StandingOrder
from ledger.db.ids import uuid7, uuid7_with
from tests.attacks.waiting import after_waiting_for
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory
from transactions.exceptions import InvalidDetails
from transactions.payees import services as payees
from transactions.payees.models import Payee, id_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100")


def inserted(row: Any) -> None:
    """As the first request does, which has not committed yet."""
    User.objects.select_for_update(no_key=True).get(pk=row.owner_id)
    row.save(force_insert=True)


def test_a_standing_order_is_set_up_once(mine: Account) -> None:
    theirs, once = AccountFactory(), uuid7()
    model = order_of(mine, theirs)
    model.delete()
    model.pk = once

    found = after_waiting_for(lambda: inserted(model), lambda: order_of(mine, theirs, id=once))

    assert found.pk == StandingOrder.objects.get().pk == once


def test_two_payees_at_once_are_not_more_than_the_limit(
    mine: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payees, "MAX_PAYEES", 1)
    one, two = AccountFactory(), AccountFactory()
    facts: dict[str, Any] = {"owner": mine.user, "account": one, "name": "One"}

    def save_second() -> str:
        try:
            return payees.save_payee(owner=mine.user, account=two, name="Two").name
        except InvalidDetails as refusal:
            return str(refusal)

    said = after_waiting_for(
        lambda: inserted(Payee(pk=id_of(mine.user, one), **facts)), save_second
    )

    assert said == payees.TOO_MANY
    assert Payee.objects.get().name == "One"


def test_of_two_new_payees_with_one_number_the_first_stays(mine: Account) -> None:
    one = AccountFactory()
    facts: dict[str, Any] = {"owner": mine.user, "account": one}

    def save_second() -> str:
        try:
            return payees.save_payee(**facts, name="Two", is_new=True).name
        except InvalidDetails as refusal:
            return str(refusal)

    said = after_waiting_for(
        lambda: inserted(Payee(pk=id_of(mine.user, one), name="One", **facts)), save_second
    )

    assert said == payees.SAVED_ALREADY
    assert Payee.objects.get().name == "One"


def test_an_outside_account_is_opened_once(mine: Account) -> None:
    facts: dict[str, Any] = {
        "owner": mine.user, "name": "Elsewhere", "currency": "EUR", "opening": Decimal(0)
    }  # fmt: skip
    once = uuid7()
    opened = uuid7_with(once, "Elsewhere", "EUR", Decimal(0))

    found = after_waiting_for(
        lambda: inserted(OutsideAccount(pk=opened, **facts)),
        lambda: outside.open_account(**facts, id=once),
    )

    assert found.pk == OutsideAccount.objects.get().pk == opened
