"""No page sends its reader to another site because an address or a field says so."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from tests.attacks.answers import Answer, ask, leads_away
from tests.attacks.bank import AttackedBank
from tests.attacks.forms import PageForm
from tests.attacks.parameters import parameters_seen
from tests.attacks.people import attempt, attempt_of, is_alive
from tests.attacks.reading import one_of_each
from tests.attacks.walk import addresses
from tests.attacks.walks.site import WalkedSite
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
# What no parser of URLs can read.
INVALID = ("http://[", "//[", "http://a]b/", "https://[::1", "http://\u2100.example/")
LOCAL = "/reports/"  # a page of ours to which a parameter may lead
FAILED = 500
NAMES = ("next", "redirect", "return", "back", "url", "to", "continue", "process")


def targets(local: Answer, plain: Answer, number: int) -> tuple[str, ...]:
    """What to try: every spelling where the parameter chose the page of LOCAL, else one of them."""
    chosen = urlsplit(local.headers.get("Location", "")).path == LOCAL
    usual = urlsplit(plain.headers.get("Location", "")).path == LOCAL
    return ELSEWHERE if chosen and not usual else (ELSEWHERE[number % len(ELSEWHERE)],)


@pytest.mark.parametrize("kind", ["stranger", "customer", "staff"])
def test_no_address_leads_away(site: WalkedSite, kind: str) -> None:
    client, one_each = site.client(kind), one_of_each(site.read_by(kind).pages)
    away = []

    for path, usual in parameters_seen(one_each).names.items():
        plain = ask(client, "GET", path)
        for number, names in enumerate([NAMES, *((name,) for name in usual)]):
            local = ask(client, "GET", path, {**usual, **dict.fromkeys(names, LOCAL)})
            for target in targets(local, plain, number):
                answer = ask(client, "GET", path, {**usual, **dict.fromkeys(names, target)})
                if leads_away(answer.headers.get("Location", "")):
                    away.append((path, names, answer.headers["Location"]))

    assert away == []


def test_no_form_leads_away(site: WalkedSite) -> None:
    forms, eve = site.read_by("customer").forms, site.client("customer")
    away, chosen = [], set()

    def sent(form: PageForm, target: str | None) -> Answer:
        extra = dict.fromkeys(NAMES, target) if target else {}
        with attempt_of(eve) as client:
            return ask(client, "POST", form.action, {**form.values, **extra})

    for number, form in enumerate(form for form in forms if form.method == "POST"):
        tried = targets(sent(form, LOCAL), sent(form, None), number)
        chosen |= {form.action} if tried is ELSEWHERE else set()
        for target in tried:
            answer = sent(form, target)
            if leads_away(answer.headers.get("Location", "")):
                away.append((form.action, answer.headers["Location"]))

    assert is_alive(eve)
    assert away == []
    assert chosen >= {"/theme/"}  # leads to the page that its field names


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
    settings.LEDGER_URL = own  # whose host takes the place of the one that was sent
    client = Client(headers={"host": host})
    for url in ("/", "/account/login/", "/account/password/reset/", "/admin/", "/csp-report/"):
        answer = ask(client, "GET", url)
        assert answer.status in (400, 405), url
        assert "evil" not in answer.text
