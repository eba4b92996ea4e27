"""Tokens and webhooks as somebody makes them in a browser: shown once, narrowed, ended."""

from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Account, ApiToken
from banking.events import targets
from banking.events.models import Webhook, WebhookDelivery
from tests.banking.events.shared import webhook_of
from tests.browser.shared import LONG, look_at, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://shop.example/" + "hook-of-the-shop-" * 20


@pytest.fixture(autouse=True)
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "look_up", lambda _host, _port: ["8.8.8.8"])


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def visitor(request: pytest.FixtureRequest, browser: Any, live_server: Any) -> Any:
    """A page of the owner of `everyday`, with JavaScript and without."""
    request.getfixturevalue("everyday")
    context = browser.new_context(base_url=live_server.url, java_script_enabled=request.param)
    page = context.new_page()
    sign_in(page)
    yield page
    context.close()


def press(page: Any, name: str) -> None:
    page.get_by_role("main").get_by_role("button", name=name).first.click()


def test_a_token_is_made_shown_once_and_revoked(visitor: Any) -> None:
    page = visitor
    page.goto("/account/security/")
    page.get_by_role("link", name="Make a token").click()
    page.get_by_label("What is the token for?").fill("Invoices")
    expect(page.get_by_label("Limit per payment")).to_be_hidden()
    page.get_by_label("Pay:").check()
    page.get_by_label("Limit per payment").fill("12.345")
    press(page, "Make the token")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    assert page.get_by_label("What is the token for?").input_value() == "Invoices"

    page.get_by_label("Limit per payment").fill("25")
    page.get_by_label("Limit per day").fill("100")
    press(page, "Make the token")
    page.get_by_role("heading", name="Invoices").wait_for()
    text = page.locator("#token").inner_text()
    token = ApiToken.objects.get()
    assert text.startswith(f"ledger_{token.prefix}")
    assert (token.per_payment, token.per_day, token.currency) == (25, 100, "USD")

    page.get_by_role("link", name="I have saved the token").click()
    page.get_by_role("heading", name="Invoices").wait_for()
    assert text not in page.content()
    press(page, "Revoke Invoices")
    page.locator(".factor", has_text="Invoices").get_by_text("revoked", exact=True).wait_for()
    token.refresh_from_db()
    assert token.revoked_at


def test_a_webhook_is_added_narrowed_and_removed(visitor: Any) -> None:
    page = visitor
    page.goto("/webhooks/")
    page.get_by_role("link", name="Add a webhook").first.click()
    page.get_by_label("Address").fill("http://shop.example/hook")
    press(page, "Add the webhook")
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    page.get_by_label("Address").fill(URL)
    page.get_by_label("A payment was booked").uncheck()
    press(page, "Add the webhook")
    page.locator("#webhook-secret").wait_for()
    secret = page.locator("#webhook-secret").inner_text()
    webhook = Webhook.objects.get()
    assert "posted" not in webhook.kinds

    page.get_by_role("link", name="I have saved the secret").click()
    page.get_by_role("heading", name="shop.example").wait_for()
    page.get_by_text(URL, exact=True).wait_for()
    assert secret not in page.content()
    page.get_by_label("A payment was booked").check()
    press(page, "Save")
    page.get_by_text("Your choice of events is saved.").wait_for()
    webhook.refresh_from_db()
    assert "posted" in webhook.kinds

    press(page, "Turn off")
    page.get_by_role("link", name="Turn on the webhook").click()
    press(page, "Turn it on")
    page.get_by_text("The webhook is on.").wait_for()
    page.get_by_role("link", name="Remove", exact=True).click()
    press(page, "Remove the webhook")
    page.get_by_text("No webhook yet").wait_for()


def deliveries(webhook: Webhook, account: Account, count: int) -> None:
    status = WebhookDelivery.Status
    outcomes = [
        (status.DELIVERED, 200, ""), (status.FAILED, None, "e" * 200), (status.SENDING, None, ""),
    ]  # fmt: skip
    for number in range(1, count + 1):
        outcome, code, error = outcomes[number % 3]
        WebhookDelivery.objects.create(
            webhook=webhook, account=account, number=number, kind="posted", at=timezone.now(),
            tried_at=timezone.now(), status=outcome, answer_code=code, error=error, attempts=number,
        )  # fmt: skip


def test_a_delivery_is_sent_again(visitor: Any, everyday: Account) -> None:
    webhook = webhook_of(everyday.user, url=URL)
    deliveries(webhook, everyday, 30)
    visitor.goto("/webhooks/")
    visitor.get_by_role("link", name=URL).click()
    failed = visitor.locator("tr", has_text="Failed").first
    failed.get_by_role("button", name="Send again").click()
    visitor.get_by_text("We send this again soon", exact=True).wait_for()
    assert WebhookDelivery.objects.exclude(again_at=None).get().status == "failed"


def test_the_pages_are_accessible_and_fit_a_phone(page: Any, everyday: Account) -> None:
    sign_in(page)
    wrong = []
    for url in ("/webhooks/", "/webhooks/new/", "/account/security/tokens/new/"):
        page.goto(url)
        wrong += look_at(page, url)
    page.get_by_label("What is the token for?").fill(LONG[:60])
    page.get_by_label("Pay:").check()
    wrong += look_at(page, "a token that pays")
    page.get_by_label("Limit per payment").fill("999999999999.99")
    press(page, "Make the token")
    page.locator("#token").wait_for()
    wrong += look_at(page, "token")
    webhook = webhook_of(everyday.user, url=URL)
    deliveries(webhook, everyday, 30)
    for path in ("", "secret/", "remove/"):
        page.goto(f"/webhooks/{webhook.pk}/{path}")
        wrong += look_at(page, f"webhook {path}")
    page.goto("/account/security/")
    wrong += look_at(page, "security")
    assert wrong == []
