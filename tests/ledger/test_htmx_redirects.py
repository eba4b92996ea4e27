"""A redirect for htmx replaces the whole page, so the sign-in page never appears inside a page."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from django.conf import settings
from django.http import HttpResponse, HttpResponseRedirect
from django.test import Client, RequestFactory

from accounts.models import User
from banking.payment_files.models import PaymentFile
from ledger.web.middleware import ResponseFormMiddleware
from tests.attacks.sessions import age
from tests.banking.outside.files import outside_account, stored
from tests.banking.payment_files.files import checked, pay
from tests.conftest import signed_in
from tests.factories import AccountFactory
from tests.pages import text_of
from tests.requests import HTMX

SIGN_IN, NOWHERE = "/account/login/", UUID(int=7)
TEMPLATES = [
    path
    for folder in (settings.BASE_DIR / "templates", settings.BASE_DIR / "banking")
    for path in sorted(Path(folder).rglob("*.html"))
]


def signed_out(url: str) -> str:
    return f"{SIGN_IN}?next={quote(url)}"


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("get", "/search/?q=kettle"),
        ("get", "/cookbook/?q=lock"),
        ("post", f"/outside/imports/{NOWHERE}/"),
        ("post", f"/transfers/files/{NOWHERE}/"),
    ],
)
def test_a_visitor_is_led_to_the_sign_in_as_a_whole_page(
    client: Client, db: None, method: str, url: str
) -> None:
    answer = getattr(client, method)(url, headers=HTMX)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["HX-Redirect"] == signed_out(url)
    assert "Location" not in answer.headers
    assert "no-store" in answer.headers["Cache-Control"]
    whole = getattr(client, method)(url)
    assert (whole.status_code, whole.headers["Location"]) == (302, signed_out(url))
    assert "HX-Redirect" not in whole.headers


def test_a_long_form_of_a_visitor_is_led_there_too(client: Client, db: None) -> None:
    url = f"/outside/imports/{NOWHERE}/"
    answer = client.post(url, {"step": "x" * 65 * 1024}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == signed_out(url)


def search(_person: User) -> tuple[str, dict[str, str]]:
    return "/search/?q=kettle", {}


def recipes(_person: User) -> tuple[str, dict[str, str]]:
    return "/cookbook/?q=lock", {}


def file_import(person: User) -> tuple[str, dict[str, str]]:
    source = stored(outside_account(owner=person), file="Date,Amount\n", state="reading")
    return f"/outside/imports/{source.pk}/", {"step": "read"}


def payment_file(person: User) -> tuple[str, dict[str, str]]:
    file: PaymentFile = checked(AccountFactory(user=person, balance=9), pay(AccountFactory(), 1))
    return f"/transfers/files/{file.pk}/", {"step": "pay"}


@pytest.mark.django_db
@pytest.mark.parametrize("form", [search, recipes, file_import, payment_file])
def test_a_session_that_ends_before_a_form_leads_to_the_sign_in_and_its_reason(
    form: Callable[[User], tuple[str, dict[str, str]]],
) -> None:
    person = AccountFactory(user__name="Ana").user
    url, fields = form(person)
    client = signed_in(person)
    age(client, seen=timedelta(minutes=30))
    send: Any = client.post if fields else client.get
    answer = send(url, fields or None, headers=HTMX)
    assert answer.headers["HX-Redirect"] == signed_out(url)
    page = client.get(answer.headers["HX-Redirect"])
    assert "You were signed out after 30 minutes" in text_of(page)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("is_htmx", [True, False])
def test_each_redirect_keeps_its_cookies(rf: RequestFactory, status: int, *, is_htmx: bool) -> None:
    def view(_request: Any) -> HttpResponse:
        response = HttpResponseRedirect("/next/")
        response.status_code = status
        response.set_cookie("messages", "Done.")
        return response

    request = rf.get("/", headers=HTMX if is_htmx else None)
    answer = ResponseFormMiddleware(view)(request)
    assert answer.status_code == (200 if is_htmx else status)
    assert answer.headers["HX-Redirect" if is_htmx else "Location"] == "/next/"
    assert answer.cookies["messages"].value == "Done."


@pytest.mark.parametrize("status", [201, 304, 404])
def test_an_answer_that_redirects_nowhere_stays_as_it_is(rf: RequestFactory, status: int) -> None:
    facts = {"Location": "/made/"} if status == 201 else {}
    answer = ResponseFormMiddleware(lambda _request: HttpResponse("", status=status, headers=facts))
    made = answer(rf.get("/", headers=HTMX))
    assert (made.status_code, made.headers.get("Location")) == (status, facts.get("Location"))
    assert "HX-Redirect" not in made.headers


def test_every_page_with_htmx_shows_why_a_request_failed() -> None:
    """A page includes htmx only together with the script for errors, and has a place for them."""
    texts = {path: path.read_text() for path in TEMPLATES}
    pages = {path for path, text in texts.items() if "includes/_htmx.html" in text}
    assert len(pages) == 4
    for path, text in texts.items():
        assert "{% htmx_script" not in text or path.name == "_htmx.html"
        assert ("includes/_request_errors.html" in text) == (path in pages), path


def test_every_form_of_htmx_replaces_or_refuses_a_second_request() -> None:
    forms = [
        (path.name, form)
        for path in TEMPLATES
        for form in re.findall(r"<form[^>]*\shx-(?:get|post)=[^>]*>", path.read_text())
    ]
    assert len(forms) == 5
    assert [name for name, form in forms if "hx-sync" not in form and "data-once" not in form] == []
