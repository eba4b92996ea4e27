"""The payment that a real person makes: signed in, pressed twice, paid once."""

import re
from decimal import Decimal
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import OperationalError

from accounts.models import Account
from ledger.web import database_errors
from tests.browser.shared import look_at, press_twice, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services
from transactions.audit.audit import audit
from transactions.home import reads
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)
RECEIPT = "/transactions/[^/]+/$"


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(
        balance="1000", user__email="ana@example.com", user__name="Ana", user__password=PASSWORD
    )


def fill_the_form(page: Any, to: Account) -> None:
    page.get_by_role("link", name="Send money").click()
    page.get_by_label("To account number").fill(to.number)
    page.get_by_label("Amount").fill("950.00")
    page.get_by_label("What is the payment for?").fill("Rent for November")
    page.get_by_role("button", name="Review").click()


def test_a_payment_sent_by_a_double_click_is_paid_once(page: Any, everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    sign_in(page)
    fill_the_form(page, mara)
    assert page.locator("h1").inner_text().replace("\xa0", " ") == (
        "Send 950.00 USD from Everyday to M••• L••• now."
    )
    press_twice(page, "^Send", until=RECEIPT)
    receipt = page.url
    assert "You paid Mara Lindt" in page.locator("h1").inner_text()
    assert Transaction.objects.filter(type="transfer").count() == 1

    page.go_back()
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.wait_for_url("**/transactions/*/")
    page.reload()
    assert page.url == receipt
    page.get_by_role("link", name="Send", exact=True).click()
    page.wait_for_url("**/transfers/new/?id=*")
    assert receipt.split("/")[-2] not in page.url, "a new payment has a new id"


def test_going_back_to_the_form_after_paying_leads_to_the_receipt(
    page: Any, everyday: Account
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    sign_in(page)
    fill_the_form(page, mara)
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.wait_for_url("**/transactions/*/")
    receipt = page.url
    page.go_back()
    page.go_back()
    if page.url != receipt:  # the browser kept the form as it was, with its id
        page.get_by_label("To account number").fill(mara.number)
        page.get_by_label("Amount").fill("950.00")
        page.get_by_role("button", name="Review").click()
        page.wait_for_url(receipt)
    assert "we did not send it again" in page.locator("#messages").inner_text()
    assert Transaction.objects.filter(type="transfer").count() == 1


def test_the_books_after_a_double_click_are_clean(page: Any, everyday: Account) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    sign_in(page)
    fill_the_form(page, mara)
    press_twice(page, "^Send", until=RECEIPT)
    assert Transaction.objects.filter(type="transfer").count() == 1
    everyday.refresh_from_db()
    assert everyday.balance == 50
    assert audit().clean


def test_without_script_a_double_post_is_paid_once_too(
    browser: Any, live_server: Any, everyday: Account
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    fill_the_form(page, mara)
    press_twice(page, "^Send", until=RECEIPT)
    context.close()
    assert Transaction.objects.filter(type="transfer").count() == 1
    everyday.refresh_from_db()
    assert everyday.balance == 50


def test_a_first_payment_asks_who_is_there_and_the_next_does_not(
    page: Any, everyday: Account
) -> None:
    mara = AccountFactory(user__name="Mara Lindt")
    sign_in(page)
    forget_sign_in(page)
    fill_the_form(page, mara)
    page.get_by_role("button", name="Confirm that it is you").click()
    page.wait_for_url("**/account/reauthenticate/**")
    assert "first payment to this account" in page.locator("main").inner_text()
    assert look_at(page, "step-up") == []
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url("**/transfers/new/?id=*")
    assert look_at(page, "review") == []
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.wait_for_url("**/transactions/*/")
    assert "You paid Mara Lindt" in page.locator("h1").inner_text()
    forget_sign_in(page)
    AccountFactory(user=everyday.user, balance="1000", name="Second")
    page.goto(f"/transfers/new/?to={mara.number}&amount=5")
    page.get_by_role("button", name="Review").click()
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.wait_for_url("**/transactions/*/")
    assert Transaction.objects.filter(type="transfer").count() == 2


def forget_sign_in(page: Any) -> None:
    """Makes the sign-in of this browser an hour older."""
    (key,) = (each["value"] for each in page.context.cookies() if each["name"] == "sessionid")
    session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    records = session["account_authentication_methods"]
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - 3600} for record in records
    ]
    session.save()


@pytest.mark.awaits_status(503)
def test_a_payment_during_a_failover_goes_on_by_itself(
    page: Any, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara, book, calls = AccountFactory(user__name="Mara Lindt"), services.book_once, list[int]()
    monkeypatch.setattr(database_errors, "SECONDS_TO_WAIT", 3600)  # time to look at the page

    def away_at_first(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise OperationalError("x") from psycopg.errors.CannotConnectNow()
        return book(*arguments, **options)

    monkeypatch.setattr("transactions.services.book_once", away_at_first)
    sign_in(page)
    fill_the_form(page, mara)
    # As in an outage that lasts, or it would send again after half a second.
    page.add_init_script("sessionStorage.setItem('ledger.away', String(Date.now()))")
    page.get_by_role("button", name=re.compile("^Send")).click()
    page.get_by_role("button", name="Send again").wait_for()
    page.get_by_text("sends the form again every two seconds").wait_for()  # a script shows it
    assert look_at(page, "the page of a database that is away") == []

    monkeypatch.setattr(database_errors, "SECONDS_TO_WAIT", 1)
    page.get_by_role("button", name="Send again").click()  # away once more; then by itself
    page.wait_for_url("**/transactions/*/")
    assert "You paid Mara Lindt" in page.locator("h1").inner_text()
    assert Transaction.objects.filter(type="transfer").count() == 1


@pytest.mark.awaits_status(503)
def test_a_page_asks_again_after_half_a_second_and_then_every_two(
    page: Any, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, calls = reads.home_of, list[int]()

    def away_at_first(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise OperationalError("x") from psycopg.errors.CannotConnectNow()
        return home(*arguments, **options)

    sign_in(page)
    monkeypatch.setattr("transactions.home.views.home_of", away_at_first)
    page.clock.install(time="2026-11-20T10:00:00Z")
    page.clock.pause_at("2026-11-20T10:00:01Z")
    page.goto(page.url)

    for wait, number in ((500, 2), (2000, 3)):
        page.clock.run_for(wait - 50)
        assert len(calls) == number - 1
        with page.expect_navigation():
            page.clock.run_for(100)
        assert len(calls) == number
    assert page.get_by_role("link", name="Send money").is_visible()


@pytest.mark.parametrize("url", ["/transfers/new/", "/standing-orders/new/"])
def test_the_hint_of_limits_is_that_of_the_account_chosen(
    page: Any, everyday: Account, url: str
) -> None:
    Account.objects.filter(pk=everyday.pk).update(transfer_limit=500)
    savings = AccountFactory(user=everyday.user, name="Savings", daily_limit=Decimal(2500))
    travel = AccountFactory(user=everyday.user, name="Travel")
    sign_in(page)
    page.goto(url)
    chosen = page.get_by_label("From")
    first, second = "Everyday: limit per payment 500.00 USD.", "Savings: limit per day 2,500.00 USD"
    for account, shown, other in (
        (None, first, second),
        (savings, second, first),
        (everyday, first, second),
    ):
        if account:
            chosen.select_option(str(account.pk))
        assert page.get_by_text(shown).is_visible()
        assert not page.get_by_text(other).is_visible()
        described = chosen.get_attribute("aria-describedby")
        assert shown in page.locator(f"[id='{described}']").inner_text().replace("\xa0", " ")
    chosen.select_option(str(travel.pk))
    assert not page.get_by_text("limit per").filter(visible=True).count()


def test_without_script_the_limits_of_all_accounts_are_shown(
    browser: Any, live_server: Any, everyday: Account
) -> None:
    Account.objects.filter(pk=everyday.pk).update(transfer_limit=500)
    AccountFactory(user=everyday.user, name="Savings", daily_limit=Decimal(2500))
    page = browser.new_page(base_url=live_server.url, java_script_enabled=False)
    sign_in(page)
    page.goto("/transfers/new/")
    for name in ("Everyday", "Savings"):
        assert page.get_by_text(f"{name}: limit per").is_visible()
    page.context.close()
