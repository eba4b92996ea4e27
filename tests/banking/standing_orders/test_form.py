"""The form of a new order without its page: its days and ends, and the order that it describes."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from banking.standing_orders.forms import HOW_MANY, StandingOrderForm, order_id_for
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import MAX_DAYS_AHEAD, OrderDraft
from ledger.db.ids import uuid7, uuid7_for
from tests.factories import nobodys
from transactions.exceptions import AccountNotFound

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def form_of(mine: Account, number: str, **changes: Any) -> StandingOrderForm:
    """The form as it was sent."""
    today = timezone.localdate()
    data = {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": number, "name": "",
        "amount": "9.50", "every": "month", "first_on": today, "last_on": "", "times": "",
        "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    return StandingOrderForm(data | changes, user=mine.user)


def test_it_begins_between_today_and_two_years_later_and_has_one_end(
    mine: Account, theirs: Account
) -> None:
    today = timezone.localdate()
    latest = today + MAX_DAYS_AHEAD * DAY
    found: list[tuple[dict[str, Any], list[str]]] = [
        ({}, []), ({"first_on": latest}, []),
        ({"first_on": today - DAY}, ["first_on"]), ({"first_on": latest + DAY}, ["first_on"]),
        ({"last_on": today}, []), ({"last_on": today - DAY}, ["last_on"]),
        ({"last_on": today, "times": "2"}, ["times"]), ({"times": "2"}, []),
        ({"every": "once"}, []), ({"every": "once", "times": "1"}, []),
        ({"every": "once", "times": "2"}, ["times"]),
        ({"every": "once", "last_on": today}, ["last_on"]),
        ({"every": "once", "last_on": today, "times": "2"}, ["last_on"]),
    ]  # fmt: skip
    for changes, fields in found:
        assert list(form_of(mine, theirs.number, **changes).errors) == fields, changes


def test_it_pays_from_once_to_a_thousand_times(mine: Account, theirs: Account) -> None:
    for times in ("1", "1000"):
        assert form_of(mine, theirs.number, times=times).errors == {}
    for wrong in ("0", "1001", "a few"):
        assert form_of(mine, theirs.number, times=wrong).errors == {"times": [HOW_MANY]}


@pytest.mark.parametrize(
    ("last_on", "times", "sent_on"),
    [
        (date(2999, 1, 31), "", [("last_on", "2999-01-31"), ("times", "")]),
        ("", "12", [("last_on", ""), ("times", "12")]),
    ],
)
def test_the_review_sends_on_what_was_understood(
    mine: Account, theirs: Account, last_on: Any, times: str, sent_on: list[tuple[str, str]]
) -> None:
    id, first = uuid7(), timezone.localdate() + DAY
    changes = {"id": str(id), "first_on": first, "last_on": last_on, "times": times}
    form = form_of(mine, theirs.number, **changes, every="week", amount="1,009.50")
    assert form.is_valid(), form.errors
    assert form.as_read == [
        ("id", str(id)), ("from_account", str(mine.pk)), ("number", theirs.number), ("name", ""),
        ("amount", "1009.50"), ("description", "Rent"), ("reference", "R-1"),
        ("every", "week"), ("first_on", first.isoformat()), *sent_on,
    ]  # fmt: skip
    assert form.order_draft == OrderDraft(
        id=order_id_for(mine.user, id), owner=mine.user, from_account=mine, to_account=theirs,
        amount=Decimal("1009.50"), every="week", first_on=first, last_on=last_on or None,
        times=12 if times else None, description="Rent", reference="R-1",
    )  # fmt: skip


def test_the_id_of_the_order_is_that_of_no_payment(mine: Account, theirs: Account) -> None:
    id = uuid7()
    order = order_id_for(mine.user, id)
    assert order not in {id, uuid7_for(mine.user.pk, id), order_id_for(theirs.user, id)}
    bound = form_of(mine, theirs.number, id=str(id))
    assert bound.is_valid()
    unbound = StandingOrderForm(initial={"id": id}, user=mine.user)
    assert bound.order_id == unbound.order_id == order


def test_a_number_that_nobody_has_makes_no_order(mine: Account) -> None:
    form = form_of(mine, nobodys())
    assert form.is_valid(), form.errors
    with pytest.raises(AccountNotFound):
        assert form.order_draft
    assert form.describes(StandingOrder()) is False


def test_it_describes_an_order_of_the_same_content_alone(mine: Account, theirs: Account) -> None:
    form = form_of(mine, theirs.number, every="once")
    assert form.is_valid(), form.errors
    same = form.order_draft.row
    assert same.times == 1
    assert form.describes(same) is True
    today = timezone.localdate()
    changes: dict[str, Any] = {
        "from_account": theirs, "to_account": mine, "amount": Decimal(9), "every": "week",
        "first_on": today + DAY, "last_on": today, "times": 2, "description": "", "reference": "",
    }  # fmt: skip
    for name, value in changes.items():
        other = form.order_draft.row
        setattr(other, name, value)
        assert form.describes(other) is False, name
