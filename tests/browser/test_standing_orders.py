"""A standing order from the transfer form to its first payment, at both widths, and by forms alone
without JavaScript.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.paying import pay_due
from tests.banking.standing_orders.orders import order_of
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )


def text_of(page: Any, place: str = "main") -> str:
    found: str = page.locator(place).inner_text()
    return found.replace("\xa0", " ")


@pytest.mark.parametrize("width", [1080, 390])
def test_an_order_is_set_up_and_looked_after(page: Any, everyday: Account, width: int) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto("/transfers/new/")
    page.get_by_role("link", name="Set up a standing order").click()
    assert look_at(page, "new order") == []
    page.goto("/standing-orders/new/")
    page.get_by_label("To account number").fill(mara.number)
    page.get_by_label("Amount").fill("950")
    page.get_by_label("First payment on").fill(timezone.localdate().isoformat())
    page.get_by_role("button", name="Review").click()
    assert "950.00 USD every month" in text_of(page)
    page.get_by_role("button", name="Set up standing order").click()
    assert "The order is set up." in text_of(page)
    assert look_at(page, "order") == []
    order = StandingOrder.objects.get()
    assert pay_due().paid == 1
    page.goto(f"/standing-orders/{order.pk}/")
    assert "paid" in text_of(page)
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Resume").click()
    page.get_by_role("button", name="Skip").click()
    page.get_by_role("textbox", name="Amount").fill("700")
    page.get_by_role("button", name="Save amount").click()
    assert "The order pays 700.00 USD" in text_of(page)
    page.locator("summary", has_text="End this order").click()
    page.get_by_role("button", name="End the order").click()
    assert "The order has ended." in text_of(page)
    order.refresh_from_db()
    assert (order.status, order.position, order.amount) == ("ended", 2, Decimal(700))
    assert look_at(page, "ended order") == []


def test_the_list_and_home_say_what_will_lack_money(page: Any, everyday: Account) -> None:
    long = AccountFactory(user__name="Maria Aparecida dos Santos Albuquerque de Vasconcelos")
    order_of(
        everyday, long, amount=Decimal(2500), description="Rent of the flat in Elm Street, " * 8,
        first_on=timezone.localdate() + timedelta(days=1),
    )  # fmt: skip
    sign_in(page)
    for place in ("/", "/standing-orders/"):
        page.goto(place)
        assert "needs 500.00 USD more" in text_of(page)
    assert look_at(page, "orders") == []
