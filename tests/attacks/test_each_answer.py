"""The checks of the walks find planted holes in responses."""

from dataclasses import replace

import pytest
from django.test import Client

from tests.attacks.answers import ask, watched
from tests.attacks.markup import MARKUP
from tests.attacks.walks.checks import wrong_with

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("asked", "status", "headers", "body"),
    [
        ("GET /", 500, {}, ""),
        ("GET /", 302, {"Location": "//evil.example/"}, ""),
        ("GET /", 200, {}, f"<p>{MARKUP}</p>"),
        ("GET /", 200, {"Content-Type": "text/csv"}, "name\r\n=1+1\r\n"),
        ("GET /", 200, {"X-Content-Type-Options": ""}, ""),
        ("GET /", 200, {"Content-Security-Policy": "default-src 'self'"}, ""),
        ("POST /", 200, {"Cache-Control": "public, max-age=60"}, ""),
    ],
    ids=["error", "redirect", "markup", "formula", "header", "framed", "kept"],
)
def test_each_hole_of_an_answer_is_found(
    asked: str, status: int, headers: dict[str, str], body: str
) -> None:
    good = ask(Client(), "GET", "/account/login/")
    bad = replace(good, status=status, headers={**good.headers, **headers}, body=body)

    assert list(wrong_with("POST /", good)) == []
    assert len(list(wrong_with(asked, bad))) == 1


def test_each_answer_is_looked_at() -> None:
    seen = []
    with watched(lambda asked, _answer: seen.append(asked)):
        ask(Client(), "GET", "/account/login/")
        ask(Client(), "POST", "/nowhere/")

    assert seen == ["GET /account/login/", "POST /nowhere/"]
