"""The invariant lab in a browser: for everybody, on a phone, light and dark, and small."""

from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = [
    "/cookbook/lab/",
    "/cookbook/lab/?try=all#all",
    "/cookbook/lab/?try=no-right-to-balances",
    "/cookbook/lab/transactions/?try=metadata_within_limit#metadata_within_limit",
    "/cookbook/lab/accounts/?try=account_currency_valid",
    "/cookbook/lab/users_user_permissions/?try=users_user_permissions-user_id",
]


@pytest.fixture
def ana(practice_bank: None) -> Account:
    return AccountFactory(user__email="ana@example.com", user__password=PASSWORD)


def test_the_lab_is_accessible_and_fits_a_phone(
    browser: Any, live_server: Any, ana: Account
) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page)
    found = []
    for url in PAGES:
        page.goto(url)
        found += look_at(page, url)
    context.close()
    assert found == []


@pytest.mark.own_session
def test_a_button_tries_to_break_the_books_and_shows_what_stopped_it(
    page: Any, ana: Account
) -> None:
    sign_in(page)
    page.goto("/cookbook/lab/")
    page.get_by_role("link", name="accounts", exact=True).click()
    page.get_by_role("link", name="Try it: Add 100 to a balance without a payment").click()
    tried = page.locator("#balance_follows_rows")
    expect(tried.get_by_text("The books are intact.")).to_be_visible()
    expect(tried.get_by_text("23514")).to_be_visible()
    page.goto("/cookbook/lab/")
    page.get_by_role("link", name="Try all").click()
    expect(page.locator("#all")).to_contain_text("The books are intact.")
