"""Every page for everybody: axe finds nothing, the keyboard reaches it, it fits a phone."""

import gzip
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import expect

from accounts.models import Account
from tests.browser.shared import look_at, sign_in
from transactions.reports.catalogue import REPORTS

pytestmark = pytest.mark.django_db(transaction=True)


def pages_of(account: Account) -> list[str]:
    row = account.sent.filter(status="completed").latest("created_at")
    hold = account.sent.filter(status="pending").latest("created_at")
    return [
        "/",
        "/accounts/",
        "/accounts/open/",
        f"/accounts/{account.pk}/",
        f"/accounts/{account.pk}/?start=2026-01-01&q=nothing",
        f"/accounts/{account.pk}/?q=has:tag",
        "/transfers/new/",
        f"/transactions/{row.pk}/",
        f"/transactions/{hold.pk}/",
        "/search/",
        "/search/?q=rent+amout:5+is:booked",
        "/search/?q=maximilaina",
        "/search/?q=rent",
        "/search/?q=has:note+or+is:booked",
        f"/search/?q={'y' * 300}",
        "/account/password/change/",
        "/account/email/",
        "/reports/",
        *[report.url for report in REPORTS if not report.bank_only],
        "/reports/trial-balance/?currency=XXX",
        "/accounts/nowhere/",
    ]


def test_every_page_is_accessible_and_fits_a_phone(
    browser: Any, live_server: Any, everyday: Account
) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    wrong = []
    for url in ("/account/login/", "/account/signup/", "/account/password/reset/"):
        page.goto(url)
        wrong += look_at(page, url)
    sign_in(page)
    for url in pages_of(everyday):
        page.goto(url)
        wrong += look_at(page, url)
    context.close()
    assert wrong == []


def test_keys_lead_where_they_say(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/transfers/new/?id=*")
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    listed = " ".join(page.get_by_role("dialog").inner_text().split())
    for said in ("/ Search payments", "g h Home", "g a Accounts", "g s Send", "g r Reports"):
        assert said in listed
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).not_to_be_visible()


def test_the_keys_of_search_and_reports(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.keyboard.press("g")
    page.keyboard.press("r")
    page.wait_for_url("**/reports/")
    page.keyboard.press("/")
    page.keyboard.type("rent")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search/?q=rent")
    page.locator("h1").click()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"


@pytest.mark.parametrize("height", [664, 800])
def test_signing_out_is_in_sight_in_the_menu_on_a_phone(
    page: Any, everyday: Account, height: int
) -> None:
    page.set_viewport_size({"width": 390, "height": height})
    sign_in(page)
    page.locator(".top summary").click()
    sign_out = page.get_by_role("button", name="Sign out")
    expect(sign_out).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Dark").scroll_into_view_if_needed()
    expect(page.get_by_role("button", name="Dark")).to_be_in_viewport(ratio=1)
    expect(sign_out).to_be_in_viewport(ratio=1)


def test_the_theme_chosen_stays(page: Any, everyday: Account) -> None:
    sign_in(page)
    page.locator("summary", has_text="Maximiliana").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("/accounts/")
    assert page.locator("html").get_attribute("data-theme") == "dark"


def compressed_size(url: str) -> int:
    """Bytes of a static file as WhiteNoise serves it, compressed."""
    path = finders.find(urlsplit(url).path.removeprefix("/static/"))
    return len(gzip.compress(Path(str(path)).read_bytes()))


def test_every_page_weighs_under_60_kb_with_palette_and_stylesheet(
    page: Any, everyday: Account
) -> None:
    sign_in(page)
    for url in pages_of(everyday)[:-1]:  # the last is a 404, which the console reports
        html = page.goto(url, wait_until="load").body()
        links = page.locator("link[rel=stylesheet], script[src]").evaluate_all(
            "all => all.map(e => e.href || e.src)"
        )
        assert len(html) + sum(map(compressed_size, links)) < 60_000, url
        sheets = [Path(urlsplit(link).path).name for link in links if link.endswith(".css")]
        assert sheets == ["palette.css", "ledger.css"]
        assert sum(link.endswith(".js") for link in links) >= 1
