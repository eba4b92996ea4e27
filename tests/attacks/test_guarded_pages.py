"""Which pages need a fresh step-up, are open without signing in, or take forms of other sites.

A decorator decides each of these. The lists notice a step-up that is missing, and each page that
is open or takes such forms, or no longer does.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.security import step_up
from ledger.env import BASE_DIR

STEP_UP = {
    "security:drop_password", "security:end_other_sessions", "security:end_session",
    "security:make_token", "security:recovery_codes", "security:revoke_token",
    "security:revoke_tokens", "transactions:data", "transactions:leave", "transactions:webhook_new",
    "transactions:webhook_on", "transactions:webhook_secret",
}  # fmt: skip
OPEN = {
    "csp_report", "metrics", "openid_connect_callback", "openid_connect_login", "readyz_verbose",
    "security:confirm_address", "security:sign_in_by_passkey", "security_txt",
    "socialaccount_signup", "theme", "transactions:alert_mails_end", "transactions:privacy",
    "transactions:statement_check",
}  # fmt: skip
OPEN_OF_API = {"api:docs", "api:openapi", "api:problems"}  # all others check a token
FROM_ANYWHERE = {"csp_report", "transactions:alert_mails_end"}
PACKAGES = {path.parent.name for path in BASE_DIR.glob("*/__init__.py")}

pytestmark = pytest.mark.whole_code


class AskedForStepUp(Exception):
    """The page has asked for a step-up."""


def test_pages_that_change_who_gets_in_need_a_fresh_step_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(_request: object) -> None:
        raise AskedForStepUp

    monkeypatch.setattr(step_up, "what_to_ask", ask)
    pages = dict(own_pages(get_resolver().url_patterns))
    request = RequestFactory().post("/")
    request.user = AnonymousUser()
    for name in STEP_UP:
        with pytest.raises(AskedForStepUp):
            pages[name](request)


def test_few_pages_are_open_and_fewer_take_forms_of_other_sites() -> None:
    pages = list(own_pages(get_resolver().url_patterns))
    is_open = {name for name, page in pages if not getattr(page, "login_required", True)}
    of_api = {name for name in is_open if name.startswith("api:")}
    assert is_open - of_api == OPEN
    exempt = {name for name, page in pages if getattr(page, "csrf_exempt", False)}
    assert {name for name in exempt if not name.startswith("api:")} == FROM_ANYWHERE
    assert of_api - exempt == OPEN_OF_API


def own_pages(
    patterns: list[URLPattern | URLResolver], space: str = ""
) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The views of this project, not of libraries, by the names of their addresses."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from own_pages(pattern.url_patterns, inner)
        else:
            view: Any = pattern.callback
            if view.__module__.partition(".")[0] in PACKAGES:
                yield f"{space}{pattern.name}", view
