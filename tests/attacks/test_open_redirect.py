"""No page sends its reader to another site because an address or a field says so."""

from urllib.parse import urlsplit

import pytest
from django.test import Client

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.forms import forms_seen
from tests.attacks.people import attempt, readers_of, signed_in
from tests.attacks.walk import addresses
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
ELSEWHERE = (
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "https:evil.example",
    "javascript:alert(1)",
    "http://testserver@evil.example/",
    "///evil.example",
    "\thttps://evil.example/",
)
NAMES = ("next", "redirect", "return", "back", "url", "to", "continue", "process")


def leads_away(location: str) -> bool:
    """Whether a browser would leave the site: it takes backslashes for slashes, and drops tabs."""
    seen = location.replace("\\", "/").translate({9: None, 10: None, 13: None}).strip()
    parts = urlsplit(seen)
    return bool(parts.netloc not in ("", "testserver") or parts.scheme not in ("", "http")) or (
        seen.startswith("//")
    )


@pytest.mark.slow
def test_no_address_leads_away(bank: AttackedBank) -> None:
    one_each = {it.pattern: it.url for it in addresses(bank.eve)}.values()
    away = []

    for kind, client in {"stranger": Client(), **readers_of(bank)}.items():
        if kind not in ("stranger", "customer", "staff"):
            continue
        for number, url in enumerate(one_each):
            target = ELSEWHERE[number % len(ELSEWHERE)]
            answer = ask(client, "GET", url, dict.fromkeys(NAMES, target))
            if leads_away(answer.headers.get("Location", "")):
                away.append((kind, url, answer.headers["Location"]))

    assert away == []


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_form_leads_away(bank: AttackedBank, target: str) -> None:
    eve, extra = bank.eve.user, dict.fromkeys(NAMES, target)
    away = []

    for form in forms_seen(signed_in(eve), addresses(bank.eve)[:12]):
        if form.method == "POST":
            with attempt(eve) as client:
                answer = ask(client, "POST", form.action, {**form.values, **extra})
            away += [(form.action, target)] * leads_away(answer.headers.get("Location", ""))
    signing_in = {"login": bank.ana.user.email, "password": PASSWORD, **extra}
    answer = ask(Client(), "POST", "/account/login/", signing_in)
    assert answer.status == 302
    assert not leads_away(answer.headers["Location"])
    assert away == []


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver:80@evil", ""]
)
def test_an_unknown_host_is_refused_everywhere(bank: AttackedBank, host: str) -> None:
    client = Client(headers={"host": host})
    for url in ("/", "/account/login/", "/account/password/reset/", "/admin/", "/csp-report/"):
        answer = ask(client, "GET", url)
        assert answer.status in (400, 405), url
        assert "evil" not in answer.text
