"""The methods that pages accept, and the pages that need a fresh step-up, are open without signing
in, or accept forms of other sites.

A decorator decides each of these facts. The lists show a missing step-up, and each page that now
accepts other methods, is open, or accepts such forms, or no longer does.
"""

import logging
from functools import cache
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import RequestFactory

from accounts.security import step_up
from tests.attacks import walk
from tests.template import APPS

READ, FORM, BUTTON = "GET, HEAD", "GET, HEAD, POST", "POST"  # most pages can only be read
FORMS = {
    "accounts:open", "accounts:settings", "add_money", "cookbook:exercise", "explorer:editor",
    "openid_connect_login",
    "prove_at_provider",
    "security:choose_name", "security:drop_password", "security:make_token",
    "security:recovery_codes", "security:sign_in_by_passkey", "transactions:alert_kind",
    "transactions:alert_mails_end", "transactions:alert_times", "transactions:budget",
    "transactions:budget_new", "transactions:categories", "transactions:category_rule",
    "transactions:category_rule_new", "transactions:close", "transactions:data",
    "transactions:file",
    "transactions:file_new", "transactions:leave", "transactions:note",
    "transactions:outside_change", "transactions:outside_columns", "transactions:outside_import",
    "transactions:outside_new", "transactions:outside_upload", "transactions:payee",
    "transactions:payee_new", "transactions:standing_order_new", "transactions:transfer",
    "transactions:webhook_new", "transactions:webhook_on", "transactions:webhook_remove",
    "transactions:webhook_secret",
}  # fmt: skip
BUTTONS = {
    "csp_report", "explorer:delete_saved", "security:end_other_sessions", "security:end_session",
    "security:revoke_token", "security:revoke_tokens", "theme",
    "transactions:alert_choice_remove", "transactions:alerts_read",
    "transactions:attachment_new", "transactions:attachment_remove", "transactions:budget_remove",
    "transactions:categories_undo", "transactions:category_rule_apply",
    "transactions:category_rule_move", "transactions:category_rule_remove",
    "transactions:delivery_again", "transactions:outside_remove", "transactions:payee_remove",
    "transactions:remove_report", "transactions:save_report",
    "transactions:standing_order_amount", "transactions:standing_order_end",
    "transactions:standing_order_pause", "transactions:standing_order_resume",
    "transactions:standing_order_skip", "transactions:webhook_kinds", "transactions:webhook_off",
}  # fmt: skip
# The person or the parameter is checked before the method.
AFTER_ANOTHER_QUESTION = {
    "", "admin_approval_step", "admin_approvals", "admin_database", "admin_search", "metrics",
    "nothing_here", "security:change_password", "security:remove_passkey",
    "security:step_up_by_passkey", "socialaccount_connections",
}  # fmt: skip
STEP_UP = {
    "security:drop_password", "security:end_other_sessions", "security:end_session",
    "security:make_token", "security:recovery_codes", "security:revoke_token",
    "security:revoke_tokens", "transactions:close", "transactions:data", "transactions:leave",
    "transactions:webhook_new",
    "transactions:webhook_on", "transactions:webhook_secret",
}  # fmt: skip
OPEN = {
    "csp_report", "metrics", "nothing_here", "openid_connect_callback", "openid_connect_login",
    "readyz_verbose",
    "security:confirm_address", "security:sign_in_by_passkey", "security_txt",
    "socialaccount_signup", "theme", "transactions:alert_mails_end", "transactions:privacy",
    "transactions:statement_check",
}  # fmt: skip
OPEN_OF_API = {"api:docs", "api:openapi", "api:problems"}  # all other forms have a token
FROM_ANYWHERE = {"csp_report", "nothing_here", "transactions:alert_mails_end"}

pytestmark = pytest.mark.whole_code


class AskedForStepUp(Exception):
    """The page has required a step-up."""


def test_a_page_answers_its_methods_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "django.request")
    request: Any = RequestFactory().generic("BREW", "/")
    request._dont_enforce_csrf_checks = True
    wrong, asked = dict[str, str](), set[str]()
    for pattern in own_pages():
        name, view = pattern.name, pattern.view
        if name in AFTER_ANOTHER_QUESTION or name.startswith(("admin:", "api:")):
            continue
        if hasattr(view, "view_class"):  # Django reads the method
            continue
        asked.add(name)
        response = view(request, **dict.fromkeys(pattern.arguments, "x"))
        allowed = FORM if name in FORMS else BUTTON if name in BUTTONS else READ
        if (response.status_code, response.headers.get("Allow")) != (405, allowed):
            wrong[name] = response.headers.get("Allow", "all")

    assert wrong == {}
    assert asked >= FORMS | BUTTONS
    assert len(asked) > 100


def test_pages_that_change_who_gets_in_need_a_fresh_step_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ask(_request: object) -> None:
        raise AskedForStepUp

    monkeypatch.setattr(step_up, "what_to_ask", ask)
    pages = {pattern.name: pattern.view for pattern in own_pages()}
    request = RequestFactory().post("/")
    request.user = AnonymousUser()
    for name in STEP_UP:
        with pytest.raises(AskedForStepUp):
            pages[name](request)


def test_few_pages_are_open_and_fewer_take_forms_of_other_sites() -> None:
    pages = own_pages()
    is_open = {it.name for it in pages if not getattr(it.view, "login_required", True)}
    of_api = {name for name in is_open if name.startswith("api:")}
    assert is_open - of_api == OPEN
    exempt = {it.name for it in pages if getattr(it.view, "csrf_exempt", False)}
    assert {name for name in exempt if not name.startswith("api:")} == FROM_ANYWHERE
    assert of_api - exempt == OPEN_OF_API


@cache
def own_pages() -> list[walk.Pattern]:
    """Returns the pages whose views belong to this project."""
    return [it for it in walk.patterns() if it.view.__module__.partition(".")[0] in APPS]
