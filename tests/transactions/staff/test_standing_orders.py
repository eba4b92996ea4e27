"""Staff read standing orders in the admin, and end them with a reason."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.groups import AUDITOR
from accounts.models import Account, User
from accounts.services import deactivate_user
from banking.standing_orders.models import WHY_LIMIT, StandingOrder
from banking.standing_orders.services import BY_BANK
from ledger.text.money import NOTHING
from tests.attacks.approvals import as_web
from tests.banking.standing_orders.orders import order_of
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)
LIST = "/admin/standing_orders/standingorder/"
WHY = {"reason": "Letter of 20 November", "message": "As you asked us by letter."}


@pytest.fixture
def order() -> StandingOrder:
    mine: Account = AccountFactory(balance="100", user__name="Ana Ferreira")
    return order_of(mine, AccountFactory(user__name="Mara Lindt"))


def end(client: Client, order: StandingOrder) -> Any:
    chosen = {"action": "end", "_selected_action": [order.pk], **WHY}
    return client.post(LIST, chosen, follow=True)


def test_staff_end_an_order_with_a_reason_that_is_logged(
    staff: Client, order: StandingOrder
) -> None:
    with as_web():
        end(staff, order)
    order.refresh_from_db()
    assert order.is_ended
    assert WHY["message"] in order.ended_why
    assert WHY["reason"] not in order.ended_why
    assert WHY["reason"] in LogEntry.objects.get(object_id=str(order.pk)).get_change_message()
    assert WHY["message"] in text_of(signed_in(order.owner).get(f"/standing-orders/{order.pk}/"))


def test_a_message_is_as_long_as_the_owner_can_read(staff: Client, order: StandingOrder) -> None:
    chosen = {"action": "end", "_selected_action": [order.pk], "reason": "Letter"}
    longest = WHY_LIMIT - len(BY_BANK) - 1
    page = staff.post(LIST, {**chosen, "message": "x" * (longest + 1)})
    assert "x" * (longest + 1) in page.content.decode()
    order.refresh_from_db()
    assert order.is_active
    staff.post(LIST, {**chosen, "message": "x" * longest})
    order.refresh_from_db()
    assert order.is_ended


def test_staff_see_that_a_closed_sign_in_pays_nothing(staff: Client, order: StandingOrder) -> None:
    assert "sign-in closed" not in text_of(staff.get(LIST))
    deactivate_user(user=order.owner)
    assert "sign-in closed" in text_of(staff.get(LIST))
    assert "sign-in closed" in text_of(staff.get(f"{LIST}{order.pk}/change/"))


def test_the_page_of_an_order_that_has_ended_names_no_next_day(
    staff: Client, order: StandingOrder
) -> None:
    end(staff, order)
    assert f"Next day: {NOTHING}" in text_of(staff.get(f"{LIST}{order.pk}/change/"))


def test_who_only_reads_ends_none(order: StandingOrder) -> None:
    reader = signed_in(colleague(AUDITOR, "Auditor"))
    assert reader.get(LIST).status_code == 200
    end(reader, order)
    order.refresh_from_db()
    assert order.is_active


def test_nobody_ends_one_of_the_own_household(
    staff: Client, clerk: User, order: StandingOrder
) -> None:
    StandingOrder.objects.filter(pk=order.pk).update(owner=clerk)
    end(staff, order)
    order.refresh_from_db()
    assert order.is_active
