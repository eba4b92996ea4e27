"""A payee, from the receipt of the first payment to the second payment, at both widths."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )


def text_of(page: Any, place: str) -> str:
    found: str = page.locator(place).inner_text()
    return found.replace("\xa0", " ")


@pytest.mark.parametrize("width", [1080, 390])
def test_a_recipient_is_saved_and_paid_the_same_again(
    page: Any, everyday: Account, width: int
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    paid = services.transfer(
        from_account=everyday, to_account=mara, amount=Decimal("950.00"), description="Rent",
        created_by=everyday.user,
    )  # fmt: skip
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto(f"/transactions/{paid.pk}/")
    page.get_by_role("link", name="Save as a payee").click()
    page.get_by_label("Name").fill("Landlady")
    assert look_at(page, "new payee") == []
    page.goto(page.url)  # looking at it breaks its policy
    page.get_by_label("Name").fill("Landlady")
    page.get_by_role("button", name="Save payee").click()
    page.wait_for_url("**/payees/")
    assert "Landlady is saved." in text_of(page, "main")
    assert look_at(page, "payees") == []
    page.goto("/payees/")
    page.get_by_role("link", name="Send again: Landlady").click()
    assert page.get_by_label("Amount").input_value() == "950.00"
    assert page.get_by_label("What is the payment for?").input_value() == "Rent"
    page.get_by_role("button", name="Review").click()
    assert "Saved as “Landlady”" in text_of(page, "main")


def test_a_recipient_above_the_form_keeps_what_was_typed(page: Any, everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    services.transfer(from_account=everyday, to_account=mara, amount=Decimal(12))
    sign_in(page)
    for address in ("/transfers/new/", "/standing-orders/new/"):
        page.goto(address)
        page.get_by_label("To account number").fill("1234")
        page.get_by_label("Recipient\u2019s name").fill("Somebody")
        page.get_by_label("What is the payment for?").fill("Rent")
        page.get_by_role("link", name="Mara Lindt").click()
        typed = [page.locator(f"main input[name={name}]") for name in ("number", "name")]
        assert [field.input_value() for field in typed] == [mara.number, ""]
        assert page.get_by_label("What is the payment for?").input_value() == "Rent"
        expect(page.get_by_label("Amount")).to_be_focused()


def test_a_row_is_sent_again_with_the_keyboard_alone(page: Any, everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    services.transfer(
        from_account=everyday, to_account=mara, amount=Decimal("12.00"), description="Lunch"
    )
    sign_in(page)
    page.goto(f"/accounts/{everyday.pk}/")
    page.get_by_role("link", name="Mara Lindt", exact=True).focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/transfers/new/**")
    assert page.get_by_label("Amount").input_value() == "12.00"
