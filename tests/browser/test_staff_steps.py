"""Staff at their forms in a real browser: from the receipt to a refund, also without scripts."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from accounts import services as account_services
from accounts.models import User
from tests.browser.shared import LONG, look_at, press_twice, sign_in
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.demo.sign_ins import SIGN_INS
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid() -> Transaction:
    everyday = AccountFactory(balance="999999999999.99", user__name=LONG, name=LONG[:100])
    shop = AccountFactory(user__name="Book Nook", name="Till 3")
    return services.transfer(
        from_account=everyday, to_account=shop, amount=Decimal(40), description="w" * 120
    )


def refund_by_hand(page: Any, paid: Transaction) -> str:
    """From the receipt to the booked row, by a double click; the address of the form."""
    page.goto(f"/transactions/{paid.pk}/")
    page.get_by_role("link", name="Refund", exact=True).click()
    address: str = page.url
    page.get_by_label("Amount").fill("12.50")
    page.get_by_label("Reason").fill("Came damaged")
    page.get_by_label("What the customer reads").fill("One atlas came damaged.")
    page.get_by_role("button", name="Review").click()
    said = page.locator(".review__sentence").inner_text().replace("\xa0", " ")
    assert said.startswith("Refund 12.50 USD of 40.00 USD to ")
    press_twice(page, "^Refund", until="/change/$")
    return address


def check_the_books(paid: Transaction) -> None:
    row = Transaction.objects.get(reverses=paid)
    assert row.amount == Decimal("12.50")
    assert StaffReason.objects.get(transaction=row).reason == "Came damaged"
    assert audit().clean


def test_a_refund_pressed_twice_is_booked_once(page: Any, clerk: User, paid: Transaction) -> None:
    sign_in(page, clerk.email)
    address = refund_by_hand(page, paid)
    check_the_books(paid)
    page.goto(address)
    assert page.url.endswith("/change/")
    assert "nothing was booked again" in page.locator(".messagelist").inner_text()
    check_the_books(paid)


def test_it_works_without_scripts(
    browser: Any, live_server: Any, clerk: User, paid: Transaction
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, clerk.email)
    refund_by_hand(page, paid)
    context.close()
    check_the_books(paid)


def test_the_forms_are_accessible_and_fit_a_phone(
    browser: Any, live_server: Any, clerk: User, paid: Transaction
) -> None:
    hold = services.hold(from_account=paid.from_account_id or "", amount=Decimal(7))
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page, clerk.email)
    wrong = []
    for name, row in (("refund", paid), ("capture", hold), ("release", hold), ("hold", None)):
        url = reverse(f"admin:transactions_transaction_{name}", args=[row.pk] if row else [])
        page.goto(url)
        wrong += look_at(page, url)
        page.get_by_label("Reason").fill("r" * 300)
        page.get_by_role("button", name=re.compile("Review|Release")).click()
        page.wait_for_load_state()
        wrong += look_at(page, f"{url} sent")
    context.close()
    assert wrong == []


def test_the_first_pages_of_staff_fit_a_phone(
    browser: Any, live_server: Any, clerk: User, settings: Any
) -> None:
    """The sign-ins of the demo, the overview, and the cash desk with a refused slip."""
    settings.LEDGER_DEMO = True
    for email in SIGN_INS.values():
        UserFactory(email=email)
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    page.goto("/account/login/")
    wrong = look_at(page, "demo")
    assert page.locator(".try__form").count() == len(SIGN_INS)
    sign_in(page, clerk.email)
    page.goto(reverse("admin:index"))
    wrong += look_at(page, "overview")
    lines = "all => all.map(help => help.getClientRects().length)"
    parts = page.locator(".desk .quiet").evaluate_all(lines)
    assert set(parts) == {1}, "each help stands in one block, beside or below its buttons"
    page.goto(reverse("admin:transactions_transaction_cash_desk"))
    page.get_by_role("button", name="Review").click()
    group = page.get_by_role("radiogroup", name="Kind")
    group.wait_for()
    assert group.get_attribute("aria-invalid") == "true"
    wrong += look_at(page, "cash desk")
    context.close()
    assert wrong == []


def test_no_column_of_the_list_of_accounts_is_cut_beside_the_filters(
    page: Any, clerk: User
) -> None:
    owner = UserFactory(name="Maria Aparecida dos Santos Albuquerque de Vasconcelos e Silva")
    AccountFactory(user=owner, name="Everyday and travel", balance=Decimal("62711.99"))
    sign_in(page, clerk.email)
    page.set_viewport_size({"width": 1200, "height": 844})
    page.goto(reverse("admin:accounts_account_changelist"))

    cut = "table => table.scrollWidth - table.clientWidth"
    assert page.locator("#changelist-form .results").evaluate(cut) == 0


def test_the_status_history_of_an_account_fits_a_phone(page: Any, clerk: User) -> None:
    account = AccountFactory()
    account_services.freeze_account(account=account, reason="Stolen " * 30, changed_by=clerk)
    sign_in(page, clerk.email)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(reverse("admin:accounts_account_change", args=[account.pk]))

    for part in page.locator("#status_changes-group tbody td:visible").all():
        box = part.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    assert page.locator("#status_changes-group td.field-reason:visible").count() == 1
