"""Alerts from the bell to the settings, at both widths, and by forms alone without JavaScript."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.browser.shared import LONG, look_at, sign_in
from tests.factories import PASSWORD, AccountFactory
from transactions import services
from transactions.models import Alert, AlertChoice

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
    page.get_by_role("link", name="Tell me: Low balance").click()
    page.get_by_label("Below").fill("0")
    page.get_by_role("button", name="Tell me").click()
    assert "above zero" in text_of(page)
    assert look_at(page, "form with an error") == []
    page.get_by_label("Below").fill("100")
    page.get_by_role("button", name="Tell me").click()
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
