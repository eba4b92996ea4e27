"""Through the mock provider and back in Chromium, with the real Content-Security-Policy."""

import copy
from typing import Any

import pytest

from tests.browser.shared import look_at
from tests.identity_provider import NINA, There, mock_server, there

__all__ = ["mock_server", "there"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def with_policy(there: There, settings: Any) -> There:
    """As `ledger.settings` writes the policy for a provider."""
    policy = copy.deepcopy(settings.CONTENT_SECURITY_POLICY)
    policy["DIRECTIVES"]["form-action"] += settings.LEDGER_PROVIDER.origins
    settings.CONTENT_SECURITY_POLICY = policy
    return there


def test_signing_in_and_out_through_the_provider(page: Any, with_policy: There) -> None:
    """Forms lead there, which Chromium allows only by form-action."""
    page.goto("/account/login/?next=/account/providers/")
    wrong = look_at(page, "sign in")
    page.get_by_role("button", name="Sign in with Cloud Sign-in").click()
    page.wait_for_url(f"{with_policy.provider.issuer}/**")
    assert "This is a mock" in page.get_by_role("main").inner_text()
    wrong += look_at(page, "the mock", is_printed=False)

    page.get_by_role("button", name=NINA.name).click()
    page.wait_for_url("**/account/providers/")
    wrong += look_at(page, "connected providers")
    page.goto("/account/security/")
    wrong += look_at(page, "security")
    page.goto("/account/providers/oidc/prove/")
    wrong += look_at(page, "the step-up")
    assert len(with_policy.provider.sessions) == 1

    page.goto("/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/login/")
    assert with_policy.provider.sessions == {}
    assert wrong == []
