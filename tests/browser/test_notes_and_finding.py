"""Notes on a receipt and the admin's search in a real browser, also without scripts."""

from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import Account, User
from tests.browser.shared import LONG, look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services
from transactions.annotations.services import annotate
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

METADATA = {
    "category": "y" * 100,
    "z" * 300: "w" * 300,
    "merchant": {"name": LONG, "city": "Porto", "<script>alert(1)</script>": True},
    "items": [{"sku": "A-1", "n": 2}, {"sku": "B", "n": None}],
}


@pytest.fixture
def paid() -> Transaction:
    ana: Account = AccountFactory(
        balance="999999999999.99",
        user__email="ana@example.com",
        user__name=LONG,
        user__password=PASSWORD,
        name=LONG[:100],
    )
    shop = AccountFactory(user__name="Book Nook")
    return services.transfer(
        from_account=ana, to_account=shop, amount=Decimal("123456789.01"),
        description="x" * 120, metadata=METADATA,
    )  # fmt: skip


@pytest.mark.parametrize("scripts", [True, False])
def test_a_note_is_added_changed_and_removed(
    browser: Any, live_server: Any, paid: Transaction, scripts: bool
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=scripts)
    page = context.new_page()
    sign_in(page)
    page.goto(f"/transactions/{paid.pk}/")
    for summary, text, tags in (
        ("Add a note", "A present", "gifts two-2026"),
        ("Edit note", "A present for Mara", "gifts"),
        ("Edit note", "", ""),
    ):
        page.get_by_text(summary, exact=True).click()
        page.get_by_role("textbox", name="Note").fill(text)
        page.get_by_label("Tags").fill(tags)
        page.get_by_role("button", name="Save note").click()
        page.wait_for_url("**/#note")
    page.set_viewport_size({"width": 390, "height": 500})
    page.get_by_text("Add a note", exact=True).click()
    page.get_by_label("Tags").fill("no!")
    page.get_by_role("button", name="Save note").click()
    expect(page.get_by_text("A tag is one word")).to_be_in_viewport()
    page.goto(f"/transactions/{paid.pk}/")
    page.get_by_text("Changed 2 times").click()
    history = page.locator("#note .timeline li").all_inner_texts()
    assert [said.split("\n")[0] for said in history] == [
        "Removed",
        "A present for Mara #gifts",
        "A present #gifts #two-2026",
    ]
    context.close()


def test_the_receipt_with_every_fold_open_is_accessible_and_fits_a_phone(
    browser: Any, live_server: Any, paid: Transaction
) -> None:
    owner = paid.from_account.user if paid.from_account else None
    assert owner is not None
    tags = [f"{'t' * 28}{n:02}" for n in range(20)]
    annotate(transaction=paid, owner=owner, text="First", tags=tags[:1])
    annotate(transaction=paid, owner=owner, text="n" * 500, tags=tags)
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page)
    url = f"/transactions/{paid.pk}/"
    page.goto(url)
    for fold in page.locator("main details > summary").all():
        fold.click()
    wrong = look_at(page, url)
    page.get_by_label("Tags").fill("eating+out")
    page.get_by_role("button", name="Save note").click()
    page.get_by_text("“eating+out” is not").wait_for()
    wrong += look_at(page, f"{url} with a mistake")
    context.close()
    assert wrong == []


def test_a_slash_moves_to_the_admins_search(page: Any, clerk: User, paid: Transaction) -> None:
    sign_in(page, clerk.email)
    page.goto("/admin/accounts/account/")
    page.keyboard.press("/")
    page.keyboard.type("book nook")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.id") != "find"
    page.keyboard.press("/")
    page.keyboard.type("book")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/search/?q=book")
    assert page.locator("#find").input_value() == "book"
    expect(page.get_by_role("link", name="Book Nook", exact=True)).to_be_visible()
    page.get_by_role("link", name="Everyday of Book Nook").click()
    page.wait_for_url("**/change/")


def test_the_admins_results_are_accessible_and_fit_a_phone(
    browser: Any, live_server: Any, clerk: User, paid: Transaction
) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page, clerk.email)
    wrong = []
    for typed in ("", "Maximiliana", "book", str(paid.pk), "q" * 200):
        url = f"/admin/search/?q={typed}"
        page.goto(url)
        wrong += look_at(page, url)
    page.goto("/admin/")
    wrong += look_at(page, "/admin/")
    context.close()
    assert wrong == []
