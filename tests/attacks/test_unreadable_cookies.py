"""Cookies that older Python versions parse for seconds (CVE-2024-7592) are refused before they are
parsed.
"""

from typing import Any

import pytest
from django.core.handlers import wsgi
from django.http.cookie import parse_cookie
from django.test import Client

from ledger.web.body_types import MAX_COOKIE_BYTES

pytestmark = pytest.mark.django_db
PATHS = ("/account/login/", "/admin/", "/api/v1/accounts/", "/nowhere/", "/")
REFUSED = {
    "escapes in quotes": r'a="\\\\"',
    "escapes in quotes behind others": r'theme=dark; a = "\054" ;b=1',
    "escapes in quotes without a name": r'"\\\\"',
    "escapes in quotes behind a space that is not ASCII": 'a=\xc2\xa0"\\\\"',
    "too long": "a=" + "b" * MAX_COOKIE_BYTES,
    "too many": "a=b; " * MAX_COOKIE_BYTES,
}
READ = {
    "quotes": 'theme="dark"; a="b c"',
    "escapes without quotes": r'theme=dark; a=\\; b="c"',
    "as long as it may be": "theme=dark; a=".ljust(MAX_COOKIE_BYTES, "b"),
}


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A list of the headers that were parsed."""
    found: list[str] = []

    def parse(header: str) -> Any:
        found.append(header)
        return parse_cookie(header)

    monkeypatch.setattr(wsgi, "parse_cookie", parse)
    return found


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("kind", REFUSED)
def test_it_is_refused_and_nothing_parses_it(
    client: Client, parsed: list[str], kind: str, path: str
) -> None:
    answer = client.get(path, HTTP_COOKIE=REFUSED[kind])
    assert (answer.status_code, parsed) == (400, [])


@pytest.mark.parametrize("kind", READ)
def test_other_cookies_are_read(client: Client, parsed: list[str], kind: str) -> None:
    answer = client.get("/account/login/", HTTP_COOKIE=READ[kind])
    assert (answer.status_code, parsed) == (200, [READ[kind]])
    assert answer.context["theme"] == "dark"
