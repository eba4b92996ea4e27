"""No cache, shared or of the browser, keeps an answer to somebody who is signed in."""

import pytest

from tests.attacks.visits import OUTSIDE_RESOLVER, Visits

pytestmark = pytest.mark.django_db
FOR_ALL = {*OUTSIDE_RESOLVER, "/.well-known/security.txt"}  # the same for everybody, without people


def test_no_answer_to_somebody_signed_in_is_kept(visits: Visits) -> None:
    kept = [
        (kind, url, answer.headers.get("Cache-Control"), answer.headers.get("Vary"))
        for kind, url, answer in visits.pages()
        if kind != "stranger" and url not in FOR_ALL
        if not {"private", "no-store"} <= _words(answer.headers.get("Cache-Control", ""))
        or "cookie" not in _words(answer.headers.get("Vary", ""))
    ]

    assert kept == []


def _words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}
