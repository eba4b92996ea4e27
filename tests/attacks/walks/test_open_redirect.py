"""No page redirects to another site because of an address or a field."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.attacks.answers import ask, leads_away
from tests.attacks.bank import AttackedBank
from tests.attacks.people import attempt, is_alive
from tests.attacks.reading import one_of_each
from tests.attacks.redirects import (
    ELSEWHERE,
    NAMES,
    ways_out_by_forms,
    ways_out_by_parameters,
)
from tests.attacks.walk import addresses
from tests.attacks.walks.site import WalkedSite
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
# Addresses that no URL parser can read.
INVALID = ("http://[", "//[", "http://a]b/", "https://[::1", "http://\u2100.example/")
FAILED = 500


@pytest.mark.parametrize("kind", ["stranger", "customer", "staff"])
def test_no_address_leads_away(site: WalkedSite, kind: str) -> None:
    one_each = one_of_each(site.read_by(kind).pages)
    found = list(ways_out_by_parameters(site.client(kind), one_each))

    assert [(path, away) for path, _, away in found if away] == []
    # For signed-in users, the sign-in page redirects to the page in its parameter.
    chosen = {path for path, is_chosen, _ in found if is_chosen}
    assert ("/account/login/" in chosen) == (kind != "stranger")


def test_no_form_leads_away(site: WalkedSite) -> None:
    eve = site.client("customer")
    found = list(ways_out_by_forms(eve, site.read_by("customer").forms))

    assert is_alive(eve)
    assert [(path, away) for path, _, away in found if away] == []
    # Redirects to the page in its field.
    assert "/theme/" in {path for path, is_chosen, _ in found if is_chosen}


@pytest.mark.parametrize("target", [*ELSEWHERE, *INVALID])
def test_signing_in_leads_nobody_away(bank: AttackedBank, target: str) -> None:
    signing_in = {"login": bank.ana.user.email, "password": PASSWORD}
    answer = ask(Client(), "POST", "/account/login/", signing_in | dict.fromkeys(NAMES, target))

    assert answer.status == 302
    assert not leads_away(answer.headers["Location"])


@pytest.mark.parametrize("is_signed_in", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_answer_where_the_next_one_is_no_url(
    bank: AttackedBank, method: str, is_signed_in: bool
) -> None:
    one_each = {it.pattern: it.url for it in addresses(bank.eve)}
    urls = [url for url in one_each.values() if url.startswith(("/account/", "/theme/"))]
    fields = {"next": INVALID[0]}

    failed = []
    for url in urls:
        with attempt(bank.eve.user) as signed_in_client:
            client = signed_in_client if is_signed_in else Client()
            sent = fields if method == "POST" else None
            answer = ask(client, method, f"{url}?{urlencode(fields)}", sent)
        if answer.status >= FAILED:
            failed.append((url, answer.status))

    assert failed == []
    assert len(urls) > 30


@pytest.mark.parametrize(
    "host", ["evil.example", "testserver.evil.example", "testserver:80@evil", ""]
)
@pytest.mark.parametrize("own", ["", "http://testserver"])
def test_an_unknown_host_is_refused_everywhere(
    bank: AttackedBank, settings: Any, host: str, own: str
) -> None:
    settings.LEDGER_URL = own  # its host replaces the host that was sent
    client = Client(headers={"host": host})
    for url in ("/", "/account/login/", "/account/password/reset/", "/admin/", "/csp-report/"):
        answer = ask(client, "GET", url)
        assert answer.status in (400, 405), url
        assert "evil" not in answer.text
