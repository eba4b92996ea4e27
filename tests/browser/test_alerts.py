"""Alerts from the bell to the settings, at both widths, and by forms alone without JavaScript."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from banking.alerts.links import MailKind, token_of
from banking.alerts.mails import mail_of
from banking.alerts.models import Alert, AlertChoice
from ledger.db.ids import uuid7
from tests.browser.shared import LONG, look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(
        name="Everyday", balance="2000", user__email="ana@example.com", user__name="Ana",
        user__password=PASSWORD,
    )  # fmt: skip


def text_of(page: Any, place: str = "main") -> str:
    found: str = page.locator(place).inner_text()
    return found.replace("\xa0", " ")


@pytest.mark.parametrize("width", [1080, 390])
def test_alerts_are_chosen_told_and_read(page: Any, everyday: Account, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    sign_in(page)
    page.get_by_role("link", name="Alerts").click()
    assert look_at(page, "empty list") == []
    page.set_viewport_size({"width": width, "height": 800})
    page.get_by_role("link", name="Choose alerts").click()
    page.get_by_role("link", name="Add an alert: Low balance").click()
    page.get_by_label("Below").fill("0")
    page.get_by_role("button", name="Save").click()
    assert "above zero" in text_of(page)
    assert look_at(page, "form with an error") == []
    page.get_by_label("Below").fill("100")
    page.get_by_role("button", name="Save").click()
    assert "Everyday below 100.00 USD" in text_of(page)
    assert AlertChoice.objects.count() == 1
    assert look_at(page, "choices") == []
    mara = AccountFactory(user__name=LONG)
    services.transfer(
        from_account=everyday, to_account=mara, amount=Decimal(1950), description="Rent " * 60
    )
    page.goto("/")
    page.get_by_role("link", name="Alerts, 1 new").click()
    assert "Everyday is below 100.00 USD" in text_of(page)
    assert look_at(page, "list") == []
    page.get_by_role("button", name="Mark all read").click()
    assert "Nothing new" in text_of(page)
    assert not Alert.objects.unread().exists()
    page.get_by_role("link", name="Everyday is below").click()
    assert "1,950.00" in text_of(page)
    page.goto("/alerts/settings/")
    page.get_by_role("button", name="Remove Low balance").click()
    assert not AlertChoice.objects.exists()


def test_mails_are_chosen_and_ended_without_java_script(
    browser: Any, live_server: Any, everyday: Account
) -> None:
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/alerts/settings/money_in/")
    page.get_by_label("A mail at once").check()
    page.get_by_role("button", name="Save").click()
    assert "A mail at once" in text_of(page)
    page.get_by_role("link", name="Change when we send mails").click()
    page.get_by_label("No mail from").fill("22:00")
    page.get_by_label("No mail until").fill("07:00")
    page.get_by_role("button", name="Save times").click()
    assert "22:00 until 07:00" in " ".join(text_of(page).split())
    context.clear_cookies()
    page.goto(f"/alerts/mails/{token_of(MailKind(everyday.user_id, 'money_in'))}/end/")
    page.get_by_role("button", name="Stop these mails").click()
    assert "These mails are stopped" in text_of(page)
    assert AlertChoice.objects.get().mail == "off"
    context.close()


def test_the_pages_of_mails_look_right(page: Any, everyday: Account) -> None:
    page.goto(f"/alerts/mails/{token_of(MailKind(everyday.user_id, ''))}/end/")
    assert look_at(page, "end of mails", is_printed=False) == []
    sign_in(page)
    page.goto("/alerts/settings/times/")
    page.get_by_label("No mail from").fill("22:00")
    page.get_by_role("button", name="Save times").click()
    assert "Type both times" in text_of(page)
    assert look_at(page, "times with an error") == []
    mail = mail_of(
        uuid7(),
        "new_device",
        everyday.user,
        [Alert(owner=everyday.user, kind="new_device", about=uuid7(), detail="Firefox on Windows")],
        30,
    )
    page.goto("about:blank")  # without our policy of content
    page.set_content(str(mail.alternatives[0][0]))
    assert look_at(page, "mail", is_printed=False) == []
