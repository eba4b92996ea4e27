"""Each view states the methods that it answers. For another one it does nothing."""

import logging
from collections.abc import Iterator

import pytest
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

OURS = ("accounts", "cookbook", "explorer", "ledger", "transactions")
# Who asks, or for what, is looked at before the method.
AFTER_ANOTHER_QUESTION = {
    "accounts.security.passkey_views.RemovePasskeyView",
    "accounts.security.passkey_views.StepUpByPasskeyView",
    "accounts.security.provider_views.Connections",
    "accounts.security.views.change_password",
    "cookbook.views.not_found",
    "ledger.monitoring.health.page.database_health",
    "ledger.monitoring.page.metrics",
    "transactions.staff.approvals.page.approval_step",
    "transactions.staff.approvals.page.approvals_page",
    "transactions.staff.find.page.find_anything",
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    """Yields each address but those of the admin, most of whose views are Django's."""
    for each in resolver.url_patterns:
        if isinstance(each, URLPattern):
            yield each
        elif each.app_name != "admin":
            yield from patterns(each)


@pytest.mark.whole_code
def test_a_view_answers_only_the_methods_that_it_names(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "django.request")
    request = RequestFactory().generic("BREW", "/")
    setattr(request, "_dont_enforce_csrf_checks", True)  # noqa: B010
    answered, asked = [], 0
    for pattern in patterns(get_resolver()):
        view = pattern.callback
        name = f"{view.__module__}.{view.__qualname__}"
        if not name.startswith(OURS) or name in AFTER_ANOTHER_QUESTION:
            continue
        if hasattr(view, "view_class"):  # Django asks for the method
            continue
        asked += 1
        response = view(request, **dict.fromkeys(pattern.pattern.converters, "x"))
        if response.status_code != 405:
            answered.append(name)

    assert answered == []
    assert asked > 100
