"""The features of docs/features.md at a desk, on a phone, and on a phone without JavaScript."""

import csv
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse
from django.utils import timezone

from accounts.groups import ANALYSTS, MANAGER
from accounts.models import Account, ApprovalRequest, User
from banking.standing_orders.models import StandingOrder
from tests.browser.shared import await_text
from tests.factories import PASSWORD, AccountFactory, UserFactory, balances
from transactions import services
from transactions.audit.audit import audit
from transactions.audit.sealing import midnight
from transactions.models import Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)
Visit = Callable[[str], Any]


@pytest.fixture
def everyday() -> Account:
    """Ana's account: a salary in February 2026, rent and coffees in March."""
    account: Account = AccountFactory(
        user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )
    for day, amount, what, category in (
        (date(2026, 2, 27), 2000, "Salary", "salary"),
        (date(2026, 3, 2), -950, "Rent for March", "rent"),
        (date(2026, 3, 14), -3, "Espresso", "coffee"),
        (date(2026, 3, 14), -4, "Cortado", "coffee"),
    ):
        booked = Draft(
            to_account=account if amount > 0 else None,
            from_account=account if amount < 0 else None,
            amount=Decimal(abs(amount)),
            description=what,
            metadata={"category": category},
            created_at=midnight(day),
        )
        services.book(booked)
    return account


def press(page: Any, name: str | re.Pattern[str]) -> None:
    page.locator("main").get_by_role("button", name=name).first.click()


def follow(page: Any, name: str) -> None:
    page.locator("main").get_by_role("link", name=name, exact=True).first.click()


def from_the_first_page(page: Any, figure: str, there: str) -> None:
    """Follows a figure of the admin's first page."""
    page.goto("/admin/")
    page.locator("dl > div", has_text=figure).get_by_role("link").click()
    page.wait_for_url(there)


def lead_to_each_other(page: Any, paid: Transaction, refund: Transaction) -> None:
    for here, there in ((paid, refund), (refund, paid)):
        page.goto(f"/transactions/{here.pk}/")
        page.locator(f"main a[href='/transactions/{there.pk}/']").first.click()
        page.wait_for_url(f"**/transactions/{there.pk}/")


def downloaded(page: Any, role: str, name: str) -> bytes:
    with page.expect_download() as download:
        page.get_by_role(role, name=name, exact=True).click()
    body: bytes = download.value.path().read_bytes()
    return body


def test_activity_is_by_day_and_exported_as_it_is_on_screen(
    visit: Visit, everyday: Account
) -> None:
    page = visit("ana@example.com")
    page.goto(f"/accounts/{everyday.pk}/")
    days = page.locator("tr.day__head").all_inner_texts()
    assert ["14 March" in day and "7.00" in day for day in days] == [True, False, False]
    balances_there = page.locator("tr.entry .entry__balance").all_inner_texts()
    assert balances_there == ["1,043.00", "1,047.00", "1,050.00", "2,000.00"]
    page.get_by_text("Find", exact=True).click()
    page.locator("main input[name=q]").fill("rent or cortado")
    page.locator("main input[name=q]").press("Enter")
    page.wait_for_url("**?q=rent*")
    rows = csv.DictReader(downloaded(page, "link", "CSV").decode().splitlines())
    assert [row["description"] for row in rows] == ["Rent for March", "Cortado"]
    assert b"Espresso" not in downloaded(page, "button", "OFX")
    follow(page, "For printing")
    await_text(page, "Rent for March")
    page.goto(f"/accounts/{everyday.pk}/?q=nothing")
    follow(page, "Show all entries")
    page.wait_for_url(f"**/accounts/{everyday.pk}/")


def test_a_payment_is_reviewed_sent_searched_and_noted(
    visit: Visit, everyday: Account, has_scripts: bool
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    page = visit("ana@example.com")
    follow(page, "Send money")
    page.get_by_label("To account number").fill(mara.number)
    page.get_by_label("Amount").fill("43.00")
    page.get_by_label("What is the payment for?").fill("Theatre")
    press(page, "Review")
    await_text(page, "Send 43.00 USD from Everyday", "h1")
    press(page, re.compile("^Send"))
    page.wait_for_url("**/transactions/*/")
    await_text(page, "You paid Mara Lindt", "h1")
    assert timezone.localdate().strftime("%Y") in page.locator("ol.timeline").first.inner_text()
    page.get_by_text("Add a note", exact=True).click()
    page.get_by_role("textbox", name="Note").fill("Row 7")
    press(page, "Save note")
    page.wait_for_url("**/#note")
    await_text(page, "Row 7")
    page.goto("/search/")
    box = page.locator("main").get_by_role("searchbox")
    box.fill("theat")
    if not has_scripts:
        box.press("Enter")
    page.locator("mark").first.wait_for()
    await_text(page, "1 payment, 43.00 USD out")
    assert balances(mara) == [43]
    assert audit().clean


def test_payments_get_categories_orders_and_budgets(visit: Visit, everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    page = visit("ana@example.com")
    page.goto("/search/?q=espresso or cortado")
    follow(page, "Change category")
    page.get_by_label("New category").fill("Cafe")
    press(page, "Change 2 payments")
    await_text(page, "2 payments are now in Cafe")
    page.goto("/categories/?q=rent")
    follow(page, "Make a rule from this search")
    page.get_by_label("Name").fill("Rents")
    page.get_by_label("Get this category").fill("Housing")
    press(page, "Try the rule on past payments")
    press(page, "Save rule")
    press(page, "Apply to the past: Rents")
    await_text(page, "1 payment now has the category Housing")
    page.goto("/budgets/new/")
    page.get_by_label("Category").fill("Cafe")
    page.get_by_label("Each month").fill("20")
    press(page, "Save budget")
    await_text(page, "20.00 USD left")
    page.goto("/standing-orders/new/")
    page.get_by_label("To account number").fill(mara.number)
    page.get_by_label("Amount").fill("10")
    page.get_by_label("First payment on").fill(timezone.localdate().isoformat())
    press(page, "Review")
    press(page, "Set up standing order")
    order = page.url
    page.goto("/standing-orders/")
    await_text(page, "1,033.00")  # the balance that is expected
    page.goto(order)
    press(page, re.compile("^Skip"))
    page.wait_for_load_state()
    assert StandingOrder.objects.get().position == 1
    press(page, "Pause")
    page.locator("summary", has_text="End this order").click()
    press(page, "End the order")
    assert StandingOrder.objects.get().status == "ended"


def test_colours_and_sign_ins_are_the_persons_own(visit: Visit, everyday: Account) -> None:
    other, page = visit("ana@example.com"), visit("ana@example.com")
    page.locator("header summary", has_text="Ana").click()
    with page.expect_response("**/theme/"):  # by a script, or the page is loaded again
        page.get_by_role("button", name="Dark").click()
    page.goto("/account/security/")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    for part in ("Passkeys", "Where you are signed in", "Recent sign-ins"):
        await_text(page, part)
    press(page, "Sign out everywhere else")
    page.wait_for_load_state()
    other.goto("/account/security/")
    assert "/account/login/" in other.url


def test_staff_find_refund_freeze_and_two_of_them_decide(
    visit: Visit, everyday: Account, clerk: User
) -> None:
    boss = UserFactory(is_staff=True, email="boss@example.com", password=PASSWORD, name="Boss")
    boss.groups.add(Group.objects.get(name=MANAGER))
    shop = AccountFactory(user__name="Book Nook")
    paid = services.transfer(from_account=everyday, to_account=shop, amount=Decimal(40))
    page = visit(clerk.email)
    page.goto("/admin/")
    page.locator("#find").fill("nook")
    page.locator("#find").press("Enter")
    page.get_by_role("link", name="Everyday of Book Nook").click()
    page.wait_for_url("**/change/")

    page.goto(f"/transactions/{paid.pk}/")
    follow(page, "Refund")
    page.get_by_label("Amount").fill("12.50")
    page.get_by_label("Reason").fill("Came damaged")
    press(page, "Review")
    press(page, re.compile("^Refund"))
    page.wait_for_url("**/change/")
    refund = Transaction.objects.get(reverses=paid)
    assert refund.amount == Decimal("12.50")
    lead_to_each_other(visit("ana@example.com"), paid, refund)

    page.goto(reverse("admin:accounts_account_changelist") + "?status__exact=active")
    await_text(page, "2 accounts", "#changelist")
    page.locator("tr", has_text="Book Nook").get_by_role("checkbox").check()
    page.get_by_label("Action:").select_option(label="Freeze")
    page.get_by_role("button", name="Go").click()
    page.get_by_label("Reason").fill("Asked by phone")
    page.get_by_role("button", name="Freeze").click()
    page.locator(".messagelist").wait_for()
    shop.refresh_from_db()
    assert shop.status == "frozen"
    from_the_first_page(page, "Frozen accounts", "**status__exact=frozen*")
    await_text(page, "Book Nook", "#changelist")
    page.goto(reverse("admin:accounts_account_history", args=[shop.pk]))
    await_text(page, "Asked by phone", "#content")

    page.goto(reverse("admin:transactions_transaction_cash_desk"))
    page.get_by_label("Account number").fill(everyday.number)
    page.get_by_label("Deposit").check()
    page.get_by_label("Amount").fill("20000")
    page.get_by_role("button", name="Review").click()
    page.get_by_label("Why").fill("Sold a car")
    page.get_by_role("button", name="Ask for approval").click()
    page.get_by_text("We have asked another person").wait_for()
    from_the_first_page(page, "Trial balance", "**/reports/trial-balance/**")
    await_text(page, "Book Nook")
    page = visit(boss.email)
    page.goto(reverse("admin_approvals"))
    page.get_by_role("button", name="Approve and book").click()
    page.get_by_text("Approved. Booked").wait_for()
    assert ApprovalRequest.objects.get().status == "done"
    assert audit().clean


@pytest.mark.usefixtures("practice_bank")
def test_an_analyst_goes_from_a_chart_to_rows_and_to_the_query(
    visit: Visit, everyday: Account, has_scripts: bool
) -> None:
    analyst = UserFactory(email="analyst@example.com", name="Nia", password=PASSWORD)
    analyst.groups.add(Group.objects.get(name=ANALYSTS))
    page = visit("analyst@example.com")
    page.goto("/reports/spending-by-category/?since=2026-03-01&until=2026-03-31")
    page.get_by_label("Compare with").select_option(label="the period before, in percent too")
    press(page, "Show")
    page.wait_for_url("**compare=period*")
    await_text(page, "Compared with the numbers in February")
    page.get_by_text("Save this report").click()
    page.get_by_label("Name").fill("March")
    page.get_by_label("Share with").select_option(label="analysts")
    press(page, "Save")
    page.goto("/reports/")
    follow(page, "March")
    page.get_by_text("Show the work").click()
    for part in ("Code", "In manage.py shell", "SQL 1"):
        await_text(page, part, "#work")
    copy = page.locator("#work").get_by_role("button", name="Copy").last  # of the SQL
    assert copy.is_visible() == has_scripts
    if has_scripts:
        copy.click()
        page.locator("#work").get_by_role("button", name="Copied").wait_for()
    assert b"rent" in downloaded(page, "link", "CSV").lower()
    assert b"rent" in downloaded(page, "link", "JSON").lower()
    page.locator("svg a:visible").first.click()
    page.wait_for_url("**/search/**")
    await_text(page, "1 payment")
    page.goto("/search/?whose=bank&q=is:out")
    facet = page.locator(".facets li", has_text="Rent").get_by_role("link").first
    assert "1" in facet.inner_text()
    facet.click()
    page.wait_for_url(re.compile("category(:|%3A)rent"))
    await_text(page, "1 payment")
    follow(page, "Group")
    page.goto("/cookbook/spent-by-category/")
    await_text(page, "In manage.py shell")
    press(page, "Run")
    page.wait_for_url("**/cookbook/spent-by-category/?*")
    await_text(page, re.compile(r"\d ms"))
    page.get_by_text("Query plan", exact=True).first.click()
    assert "Aggregate" in page.locator(".plan-node").first.inner_text()
    page.get_by_text("Text of the plan").first.click()
    assert "Aggregate" in page.locator("details.plan pre").first.inner_text()
