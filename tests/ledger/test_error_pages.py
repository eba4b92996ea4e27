"""Each error page says what happened, what to do and whom to ask, and has a way on."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import BadRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.csrf import csrf_failure

from ledger.web import database_errors, error_pages
from tests.conftest import signed_in
from tests.factories import UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db
CONTACT = "help@bank.example"
TOO_MUCH = b"x" * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)


def bad_request() -> Any:
    return error_pages.bad_request(RequestFactory().get("/"), BadRequest())


def forbidden() -> Any:
    return signed_in(UserFactory()).get("/admin/", follow=True)


def forbidden_to_staff() -> Any:
    return signed_in(UserFactory(is_staff=True)).get(reverse("admin:accounts_user_changelist"))


def without_token() -> Any:
    return csrf_failure(RequestFactory().post("/"))


def not_found() -> Any:
    return Client().get("/nowhere/")


def too_large() -> Any:
    login = reverse("account_login")
    return Client().post(login, TOO_MUCH, content_type="application/x-www-form-urlencoded")


def other_charset() -> Any:
    return Client().post(
        reverse("account_login"), b"a=1", content_type="text/plain; charset=latin-1"
    )


def too_many() -> Any:
    from allauth.core.ratelimit import respond_429

    request = RequestFactory().get("/")
    request.user = UserFactory()
    return respond_429(request)


def broken() -> Any:
    return error_pages.server_error(RequestFactory().get("/"))


def unreachable() -> Any:
    return database_errors.page("The database cannot be reached", "Try again soon.", "/")


def too_long() -> Any:
    return signed_in(UserFactory(is_staff=True)).get("/admin/?q=" + "x" * 2_001)


PAGES: dict[Callable[[], Any], int] = {
    bad_request: 400,
    forbidden: 403,
    without_token: 403,
    not_found: 404,
    too_large: 413,
    too_long: 414,
    other_charset: 415,
    too_many: 429,
    broken: 500,
    unreachable: 503,
}


@pytest.mark.parametrize(
    ("page", "status"), [pytest.param(*each, id=each[0].__name__) for each in PAGES.items()]
)
def test_an_error_page_says_whom_to_ask_and_has_a_way_on(
    page: Callable[[], Any], status: int, settings: Any
) -> None:
    settings.LEDGER_CONTACT = CONTACT
    answer = page()
    assert answer.status_code == status
    assert str(status) in text_of(answer)
    html = answer.content.decode()
    assert f'href="mailto:{CONTACT}"' in html
    assert re.search(r'<div class="actions">\s*<a class="button"\s+href="/', html)


def test_staff_go_on_in_the_admin_from_a_page_that_is_not_open_to_them() -> None:
    assert f'href="{reverse("admin:index")}"' in forbidden_to_staff().content.decode()


def test_only_what_may_help_later_is_asked_for_again() -> None:
    assert "Retry-After" in unreachable().headers
    assert "Retry-After" not in too_large().headers
