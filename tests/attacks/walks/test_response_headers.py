"""The headers of every response of the site, for any reader and any status."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from tests.attacks.answers import Answer, ask
from tests.attacks.expected_headers import wrong_headers
from tests.attacks.walks.site import Visits

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_answer_is_checked(no_lines_of_refused_requests: None) -> None:
    """Turns off the checks of other tests, because this file breaks pages."""


def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError


def refusals(settings: Any) -> Iterator[Answer]:
    """Yields responses that come before any view, or in place of a view."""
    yield ask(Client(headers={"host": "evil.example"}), "GET", "/")
    yield ask(Client(enforce_csrf_checks=True), "POST", "/account/login/")
    yield ask(Client(), "POST", "/account/login/", {"file": "x" * 3_000_000})
    yield ask(Client(), "DELETE", "/theme/")
    settings.ROOT_URLCONF = (path("broken/", login_not_required(broken)),)
    yield ask(Client(), "GET", "/broken/")


def test_every_answer_has_the_headers(all_answers: Visits) -> None:
    wrong = {
        (kind, url): missing
        for kind, url, answer in all_answers.pages()
        if (missing := wrong_headers(answer.headers))
    }

    assert wrong == {}


def test_the_walk_meets_every_kind_of_answer(visits: Visits) -> None:
    assert {answer.status for *_, answer in visits.pages()} >= {200, 302, 403, 404, 405}


def test_every_refusal_has_the_headers(settings: Any) -> None:
    found = list(refusals(settings))

    assert [answer.status for answer in found] == [400, 403, 413, 405, 500]
    assert [wrong_headers(answer.headers) for answer in found] == [[]] * len(found)


def test_over_https_every_answer_keeps_browsers_on_https(settings: Any) -> None:
    settings.SECURE_HSTS_SECONDS = 31_536_000
    settings.SECURE_SSL_REDIRECT = True
    settings.LEDGER_HTTPS = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    for url in ("/account/login/", "/static/ledger.css", "/nowhere/"):
        answer = ask(Client(headers={"x-forwarded-proto": "https"}), "GET", url)
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        assert answer.headers["Reporting-Endpoints"] == 'csp="/csp-report/"'
    assert ask(Client(), "GET", "/account/login/").headers["Location"].startswith("https://")
