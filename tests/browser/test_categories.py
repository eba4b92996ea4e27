"""A category for all payments of a search, and back again, at both widths."""

from decimal import Decimal
from typing import Any

import pytest

from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "Everything that we bought for the wedding of my sister"


@pytest.mark.parametrize("width", [1080, 390])
def test_the_payments_of_a_search_get_a_category_and_lose_it_again(page: Any, width: int) -> None:
    everyday = AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    for day in range(3):
        services.withdraw(from_account=everyday, amount=Decimal(day + 1), description="Flowers")
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto("/search/?q=flowers")
    page.get_by_role("link", name="Change category").click()
    assert "3 payments" in page.locator("h1").inner_text()
    assert look_at(page, "found") == []
    page.goto(page.url)  # looking at it breaks its policy
    page.get_by_label("New category").fill(LONG)
    page.get_by_role("button", name="Change 3 payments").click()
    page.wait_for_url("**/categories/")
    assert f"3 payments are now in {LONG}" in page.locator("main").inner_text()
    assert look_at(page, "changes") == []
    page.goto("/categories/")
    page.get_by_role("button", name="Undo").click()
    assert "The change of 3 payments is undone." in page.locator("main").inner_text()
    assert look_at(page, "empty") == []


@pytest.mark.parametrize("width", [1080, 390])
def test_a_rule_is_tried_saved_and_applied_to_the_past(page: Any, width: int) -> None:
    everyday = AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    services.withdraw(from_account=everyday, amount=Decimal(3), description="Flowers")
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto("/categories/rules/")
    assert look_at(page, "no rule") == []
    page.goto("/categories/?q=flowers")
    page.get_by_role("link", name="Make a rule from this search").click()
    page.get_by_label("Name").fill(LONG)
    page.get_by_label("Get this category").fill("Wedding")
    page.get_by_role("button", name="Try the rule on past payments").click()
    assert "1 payment matches: 1 of them would get Wedding" in page.locator("main").inner_text()
    assert look_at(page, "tried") == []
    page.goto("/categories/rules/new/?query=flowers")  # looking at it breaks its policy
    page.get_by_label("Name").fill(LONG)
    page.get_by_label("Get this category").fill("Wedding")
    page.get_by_role("button", name="Try the rule on past payments").click()
    page.get_by_role("button", name="Save rule").click()
    page.wait_for_url("**/categories/rules/")
    page.get_by_role("button", name=f"Apply to the past: {LONG}").click()
    assert "1 payment now has the category Wedding" in page.locator("main").inner_text()
    assert look_at(page, "rules") == []


@pytest.mark.parametrize("width", [1080, 390])
def test_a_budget_tells_what_is_left_and_when_it_is_over(page: Any, width: int) -> None:
    everyday = AccountFactory(
        balance="2000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.goto("/budgets/")
    assert look_at(page, "no budget") == []
    page.goto("/budgets/new/")
    page.get_by_label("Category").fill(LONG)
    page.get_by_label("Each month").fill("lots")
    page.get_by_role("button", name="Save budget").click()
    assert look_at(page, "refused") == []
    page.goto("/budgets/new/")  # looking at it breaks its policy
    page.get_by_label("Category").fill(LONG)
    page.get_by_label("Each month").fill("100")
    page.get_by_role("button", name="Save budget").click()
    page.wait_for_url("**/budgets/")
    assert "100.00 USD left" in page.locator("main").inner_text().replace("\xa0", " ")
    details = {"category": LONG.lower()}
    services.withdraw(from_account=everyday, amount=Decimal(130), metadata=details)
    page.goto("/budgets/")
    assert "30.00 USD over" in page.locator("main").inner_text().replace("\xa0", " ")
    assert look_at(page, "over") == []
