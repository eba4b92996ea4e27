"""Headers that every answer of the site has, whoever asks and whatever the status."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from tests.attacks.answers import Answer, ask
from tests.attacks.visits import Visits

pytestmark = pytest.mark.django_db
EXPECTED = {
    "Content-Security-Policy": re.compile(
        r"(?=.*default-src 'self')(?=.*frame-ancestors 'none')(?=.*base-uri 'none')"
        r"(?=.*object-src 'none')(?=.*form-action 'self')(?=.*report-uri /csp-report/)"
        r"(?!.*unsafe-)(?!.*\*)"
    ),
    "Cross-Origin-Opener-Policy": re.compile("same-origin"),
    "Cross-Origin-Resource-Policy": re.compile("same-origin"),
    "Cross-Origin-Embedder-Policy": re.compile("require-corp"),
    "Permissions-Policy": re.compile(
        r"(?=.*camera=\(\))(?=.*geolocation=\(\))(?=.*payment=\(\))(?!.*\*)"
    ),
    "Referrer-Policy": re.compile("same-origin|no-referrer|strict-origin"),
    "X-Content-Type-Options": re.compile("nosniff"),
    "X-Frame-Options": re.compile("DENY"),
}
FORBIDDEN = ("Access-Control-Allow-Origin", "Server", "X-Powered-By")


def broken(_request: HttpRequest) -> HttpResponse:
    raise RuntimeError


def wrong_headers(answer: Answer) -> list[str]:
    """The names of headers that the answer lacks, has with another value, or should not have."""
    missing = [
        name for name, value in EXPECTED.items() if not value.match(answer.headers.get(name, ""))
    ]
    return missing + [name for name in FORBIDDEN if name in answer.headers]


def refusals(settings: Any) -> Iterator[Answer]:
    """Answers that come before any view, or in its place."""
    yield ask(Client(headers={"host": "evil.example"}), "GET", "/")
    yield ask(Client(enforce_csrf_checks=True), "POST", "/account/login/")
    yield ask(Client(), "POST", "/account/login/", {"file": "x" * 3_000_000})
    yield ask(Client(), "DELETE", "/theme/")
    settings.ROOT_URLCONF = (path("broken/", login_not_required(broken)),)
    yield ask(Client(), "GET", "/broken/")


def test_every_page_has_the_headers(visits: Visits) -> None:
    wrong = {
        (kind, url): missing
        for kind, url, answer in visits.pages()
        if (missing := wrong_headers(answer))
    }

    assert wrong == {}
    assert {answer.status for *_, answer in visits.pages()} >= {200, 302, 403, 404, 405}


def test_every_refusal_has_the_headers(settings: Any) -> None:
    found = list(refusals(settings))

    assert [answer.status for answer in found] == [400, 403, 413, 405, 500]
    assert [wrong_headers(answer) for answer in found] == [[]] * len(found)


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
