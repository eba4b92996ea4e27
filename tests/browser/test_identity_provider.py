"""Through the mock provider and back in Chromium, with the real Content-Security-Policy."""

from typing import Any

import pytest

from tests.browser.shared import look_at
from tests.identity_provider import NINA, There, mock_server, there

__all__ = ["mock_server", "there"]
pytestmark = pytest.mark.django_db(transaction=True)


def test_signing_in_and_out_through_the_provider(page: Any, there: There) -> None:
    """Forms lead there, which Chromium allows only by form-action."""
    page.goto("/account/login/?next=/account/providers/")
    wrong = look_at(page, "sign in")
    page.get_by_role("button", name="Sign in with Cloud Sign-in").click()
    page.wait_for_url(f"{there.provider.issuer}/**")
    assert "This is a mock" in page.get_by_role("main").inner_text()
    wrong += look_at(page, "the mock", is_printed=False)

    page.get_by_role("button", name=NINA.name).click()
    page.wait_for_url("**/account/providers/")
    wrong += look_at(page, "connected providers")
    page.goto("/account/security/")
    wrong += look_at(page, "security")
    page.goto("/account/providers/oidc/prove/")
    wrong += look_at(page, "the step-up")
    assert len(there.provider.sessions) == 1

    page.goto("/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/")
    assert there.provider.sessions == {}
    assert wrong == []
