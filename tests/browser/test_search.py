"""The search as somebody types: results come, the cursor stays, the address can be shared."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account, User
from tests.browser.shared import sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyday() -> Account:
    account: Account = AccountFactory(
        user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    for description, category in (("Rent for March", "rent"), ("Corner shop", "groceries")):
        services.deposit(
            to_account=account,
            amount=Decimal(10),
            description=description,
            metadata={"category": category},
        )
    return account


def test_results_follow_what_is_typed(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.keyboard.press("/")
    page.keyboard.type("zzz")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=zzz")
    box = page.get_by_role("searchbox")
    page.get_by_text("Nothing found").wait_for()
    box.fill("")
    box.press_sequentially("corn")
    page.get_by_text("1 payment").wait_for()
    assert page.locator("mark").all_inner_texts() == ["Corner"]
    assert page.url.endswith("/search/?q=corn")
    assert box.evaluate("box => box === document.activeElement")
    assert box.evaluate("box => box.selectionStart") == 4
    box.fill("is:booked")
    page.get_by_text("2 payments").wait_for()
    page.get_by_role("link", name="groceries 1").click()
    page.wait_for_url("**category*groceries")
    assert page.get_by_role("searchbox").input_value() == "is:booked category:groceries"
    page.get_by_role("link", name="Remove is:booked").click()
    page.wait_for_url("**/search/?q=category*groceries")
    page.go_back()
    page.get_by_text("1 payment").wait_for()


def test_it_works_without_a_script(browser: Any, live_server: Any, everyday: Account) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/search/")
    page.get_by_role("searchbox").fill("rent")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**/search/?q=rent")
    assert page.locator("mark").first.inner_text() == "Rent"
    context.close()


def test_the_hint_of_the_header_ends_before_its_key(page: Any, everyday: Account) -> None:
    User.objects.update(name="Wolfeschlegelsteinhausenbergerdorff Maximilian")
    sign_in(page)
    for width in (1180, 900, 720):
        page.set_viewport_size({"width": width, "height": 500})
        box, key = page.locator(".search input"), page.locator(".search kbd")
        padding = box.evaluate("box => parseFloat(getComputedStyle(box).paddingRight)")
        left = box.evaluate("box => box.getBoundingClientRect().right")
        assert left - padding <= key.bounding_box()["x"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
