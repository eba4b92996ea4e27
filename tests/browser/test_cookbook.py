"""The cookbook in a browser: readable, copyable, found while one types, and at home on a phone."""

from typing import Any

import pytest
from playwright.sync_api import expect

from cookbook.recipes import BY_SLUG, GROUPS, RECIPES
from tests.browser.shared import look_at, sign_in
from tests.factories import PASSWORD, UserFactory

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("practice_bank", "ana"),
]
INDEX = "/cookbook/"


@pytest.fixture
def ana() -> None:
    UserFactory(email="ana@example.com", password=PASSWORD)


def test_the_cookbook_is_accessible_and_fits_a_phone(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page)
    found = []
    one_of_each = [group.recipes[0].url for group in GROUPS]
    asked = [f"{INDEX}?q=group+by", f"{INDEX}?q=xqzzy", f"{INDEX}spent-by-category/?most=x"]
    path = (f"{INDEX}learn/", f"{INDEX}learn/vouchers-of-a-guest/")
    for url in (INDEX, GROUPS[0].url, *asked, f"{INDEX}lost-update/", *path, *one_of_each):
        page.goto(url)
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        found += look_at(page, url)
    context.close()
    assert found == []


def test_no_recipe_is_wider_than_a_phone(browser: Any, live_server: Any) -> None:
    context = browser.new_context(base_url=live_server.url, viewport={"width": 390, "height": 844})
    page = context.new_page()
    sign_in(page)
    wide = []
    for url in (
        INDEX,
        f"{INDEX}?q={'y' * 190}",
        *(group.url for group in GROUPS),
        *(recipe.url for recipe in RECIPES),
    ):
        page.goto(url)
        page.evaluate("document.querySelectorAll('details').forEach(fold => { fold.open = true })")
        if page.evaluate("document.documentElement.scrollWidth") > 390:
            wide.append(url)
    context.close()
    assert wide == []


def test_recipes_are_found_while_one_types_and_the_address_follows(page: Any) -> None:
    sign_in(page)
    page.goto(INDEX)
    page.locator("#search").press_sequentially("lost upd")
    page.wait_for_url("**/cookbook/?q=lost*upd")
    expect(page.locator("#recipes li a").first).to_have_text(BY_SLUG["lost-update"].title)
    page.reload()
    expect(page.locator("#recipes li a").first).to_have_text(BY_SLUG["lost-update"].title)


def test_the_source_is_copied_and_coloured(browser: Any, live_server: Any) -> None:
    context = browser.new_context(
        base_url=live_server.url, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    sign_in(page)
    page.goto(f"{INDEX}spent-by-category/")
    page.locator("[data-copy='#recipe-code']").click()
    keyword = page.locator("#recipe-code .k").first
    plain = page.locator("#recipe-code")
    colour = "element => getComputedStyle(element).color"
    assert keyword.evaluate(colour) != plain.evaluate(colour)
    # No script of the site may read the clipboard, so a field takes it.
    page.evaluate("document.body.append(document.createElement('textarea'))")
    page.locator("textarea").press("Control+v")
    copied = page.locator("textarea").input_value()
    assert copied.startswith("from ")
    assert '.annotate(payments=Count("id"), spent=Sum("amount"))' in copied
    context.close()


def test_keys_lead_there_and_to_its_search(page: Any) -> None:
    sign_in(page)
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cookbook/")
    page.goto(f"{INDEX}lost-update/")
    page.keyboard.press("/")
    page.keyboard.type("savepoint")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cookbook/?q=savepoint")
