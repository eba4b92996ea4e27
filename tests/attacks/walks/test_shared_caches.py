"""No cache, whether shared or in the browser, keeps a response for a signed-in person."""

import pytest

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.people import attempt
from tests.attacks.reading import OK
from tests.attacks.walks.site import OUTSIDE_RESOLVER, STRANGER, Visits, WalkedSite

pytestmark = pytest.mark.django_db
# The same for all readers, without personal data.
FOR_ALL = {*OUTSIDE_RESOLVER, "/.well-known/security.txt", "/api/v1/openapi.json"}


def test_no_answer_to_somebody_signed_in_is_kept(all_visits: Visits) -> None:
    kept = [
        (kind, url, answer.headers.get("Cache-Control"), answer.headers.get("Vary"))
        for kind, url, answer in all_visits.pages()
        if kind != "stranger" and url.removesuffix("#htmx") not in FOR_ALL
        if not {"private", "no-store"} <= _words(answer.headers.get("Cache-Control", ""))
        or "cookie" not in _words(answer.headers.get("Vary", ""))
    ]

    assert kept == []


def test_no_cache_keeps_a_page_that_follows_a_form(site: WalkedSite) -> None:
    """Redirects may be kept only if they allow it. After some forms, the person is signed out."""
    kept = [
        (kind, url, caching)
        for kind, url, answer in site.form_visits.pages()
        if (caching := _words(answer.headers.get("Cache-Control", ""))) & {"public", "s-maxage"}
        or (kind != STRANGER and answer.status == OK and "private" not in caching)
    ]

    assert kept == []


@pytest.mark.parametrize(
    ("url", "fields", "status"),
    [
        ("/accounts/open/", {"name": "", "currency": "EUR"}, 200),
        ("/accounts/open/", {"name": "Holiday", "currency": "EUR"}, 302),
        ("/account/password/change/", {}, 200),
        ("/nowhere/", {}, 404),
    ],
)
def test_no_shared_cache_keeps_an_answer_to_a_form(
    bank: AttackedBank, url: str, fields: dict[str, str], status: int
) -> None:
    with attempt(bank.eve.user) as client:
        answer = ask(client, "POST", url, fields)

    words = _words(answer.headers["Cache-Control"])
    assert answer.status == status
    assert "private" in words
    assert not words & {"public", "s-maxage"}


def _words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}
