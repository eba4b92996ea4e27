"""A payment that arrives while the home page or a statement is open is shown there."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)
PAYER = 'Mara "<b>" Lindt'
PAGES = ["/", "statement"]


@pytest.fixture
def mine() -> Account:
    account: Account = AccountFactory(
        balance="100", user__email="ana@example.com", user__password=PASSWORD, currency="EUR"
    )
    return account


def pay(account: Account, amount: str = "12.50") -> None:
    payer = AccountFactory(balance="50", user__name=PAYER, currency="EUR")
    services.transfer(from_account=payer, to_account=account, amount=Decimal(amount))


def open_page(page: Any, account: Account, which: str) -> None:
    sign_in(page)
    page.goto("/" if which == "/" else f"/accounts/{account.pk}/")


def look_now(page: Any) -> None:
    """Asks the stream at once, as when the reader comes back to the tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.mark.parametrize("which", PAGES)
def test_a_payment_that_arrives_is_shown_and_said(page: Any, mine: Account, which: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    open_page(page, mine, which)
    expect(page.locator(".page-head__figure")).to_have_text("100.00")
    pay(mine)
    look_now(page)
    expect(page.get_by_role("status")).to_contain_text(f"New: {PAYER}, +12.50 EUR")
    expect(page.locator(".page-head__figure")).to_have_text("112.50")
    expect(page.locator("tr.entry").first).to_contain_text(PAYER)
    expect(page.locator("tr.entry--new")).to_have_count(1)
    assert look_at(page, which) == []
    pay(mine, "7.00")
    look_now(page)
    expect(page.get_by_role("status")).to_contain_text("+7.00 EUR")
    expect(page.locator(".toast")).to_have_count(1)
    expect(page.locator(".page-head__figure")).to_have_text("119.50")


def test_the_link_that_has_the_focus_keeps_it(page: Any, mine: Account) -> None:
    open_page(page, mine, "statement")
    page.locator("tr.entry a").first.focus()
    focused = page.evaluate("document.activeElement.href")
    pay(mine)
    look_now(page)
    expect(page.locator("tr.entry").first).to_contain_text(PAYER)
    assert page.evaluate("document.activeElement.href") == focused


def test_what_the_reader_has_marked_stays_until_it_is_let_go(page: Any, mine: Account) -> None:
    open_page(page, mine, "/")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('tr.entry'))")
    pay(mine)
    with page.expect_response("**/api/v1/events*"):
        look_now(page)
    assert page.locator(".page-head__figure").inner_text() == "100.00"
    page.evaluate("getSelection().empty()")
    look_now(page)
    expect(page.locator(".page-head__figure")).to_have_text("112.50")


@pytest.mark.awaits_status(401)
@pytest.mark.parametrize("which", PAGES)
def test_after_a_sign_out_the_page_leads_to_the_sign_in(
    page: Any, mine: Account, which: str
) -> None:
    open_page(page, mine, which)
    path = page.evaluate("location.pathname")
    page.context.clear_cookies()
    look_now(page)
    page.wait_for_url(f"**/account/login/?next={path}")


@pytest.mark.parametrize("which", PAGES)
def test_without_scripts_the_page_is_as_before(
    browser: Any, live_server: Any, mine: Account, which: str
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    open_page(page, mine, which)
    expect(page.locator(".page-head__figure")).to_have_text("100.00")
    expect(page.locator(".toast")).to_have_count(0)
    pay(mine)
    page.reload()
    expect(page.locator(".page-head__figure")).to_have_text("112.50")
    context.close()


def test_a_statement_with_filters_is_left_as_it_is(page: Any, mine: Account) -> None:
    open_page(page, mine, "statement")
    expect(page.locator("script[src*=live]")).to_have_count(1)
    page.goto(f"/accounts/{mine.pk}/?direction=in")
    expect(page.locator("script[src*=live]")).to_have_count(0)
    expect(page.locator("template[data-live]")).to_have_count(0)
