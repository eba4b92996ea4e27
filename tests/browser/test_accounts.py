"""Opening an account: one of 155 currencies, found by a few letters."""

from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.shared import sign_in
from tests.factories import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_currency_is_found_by_a_few_letters_of_its_name(page: Any) -> None:
    UserFactory(email="ana@example.com", name="Ana", password=PASSWORD)
    sign_in(page)
    page.goto("/accounts/open/")
    page.get_by_label("Account name").fill("Fjord trip")
    find = page.get_by_label("Find a currency by name or code")
    find.fill("norw")
    expect(page.locator("#id_currency option")).to_have_text(["NOK, Norwegian Krone"])
    find.press("Enter")
    expect(page.locator("#id_currency")).to_be_focused()
    page.get_by_role("button", name="Open the account").click()
    expect(page.get_by_text("Fjord trip is open.")).to_be_visible()
    assert list(Account.objects.values_list("name", "currency")) == [("Fjord trip", "NOK")]


def test_letters_that_no_currency_has_leave_the_list_whole(page: Any) -> None:
    UserFactory(email="ana@example.com", name="Ana", password=PASSWORD)
    sign_in(page)
    page.goto("/accounts/open/")
    every = page.locator("#id_currency option").count()
    page.get_by_label("Find a currency by name or code").fill("zzz")
    expect(page.locator("#id_currency option")).to_have_count(every)
