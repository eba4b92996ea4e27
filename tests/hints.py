"""Hints for developers who write or run tests as in other Django projects."""

import re
from collections.abc import Generator

import pytest
from django.conf import settings

SITE_SETTINGS = "ledger.settings"
OTHER_SETTINGS = (
    f"Tests do not run with {SITE_SETTINGS}, whose database may be that of a bank. Unset"
    " DJANGO_SETTINGS_MODULE, or name a module that begins with: from tests.settings import *"
)
# The messages of assert, assertEqual and assertContains for a redirect in place of a page.
REDIRECTED = re.compile(r"\b(302 [!=]= 200|200 [!=]= 302)\b")
SIGN_IN = (
    "Status 302 is often the redirect to the sign-in page, which every page has for visitors.\n"
    "Sign in with client.force_login(UserFactory()), or in a TestCase with self.client; UserFactory"
    " is in tests.factories.\n@login_not_required opens a view to everybody (docs/new-app.md)."
)


def pytest_configure() -> None:
    if settings.SETTINGS_MODULE == SITE_SETTINGS:
        raise pytest.UsageError(OTHER_SETTINGS)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and call.excinfo and REDIRECTED.search(str(call.excinfo.value)):
        report.sections.append(("Hint", SIGN_IN))
    return report
