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
    assert "3 payments have their category of before" in page.locator("main").inner_text()
    assert look_at(page, "empty") == []
