"""No other site can make a browser send a form to this site: every POST needs the token of the
session.
"""

import pytest
from django.test import Client
from django.urls import reverse

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.digests import table_digests
from tests.attacks.people import is_alive
from tests.attacks.walk import Pattern, addresses
from tests.attacks.walks.site import WalkedSite

pytestmark = pytest.mark.django_db
# Addresses without a token: reports of browsers, which send no cookies and write nothing, and the
# signed link of a mail, to which mail programs send a POST that can only end mails.
WITHOUT_TOKEN = {"csp_report", "readyz_verbose", "transactions:alert_mails_end"}
WRITING = ("POST", "PUT", "PATCH", "DELETE")
FORBIDDEN = 403
# The API checks the caller first, and reads no forms.
OF_THE_API = (401, FORBIDDEN, 404, 415)


def strict(client: Client) -> Client:
    """Returns a client with the same session and with the CSRF check, which Django's test client
    omits by default.
    """
    other = Client(enforce_csrf_checks=True)
    other.cookies = client.cookies
    return other


def refusals(pattern: Pattern) -> tuple[int, ...]:
    return OF_THE_API if pattern.name.startswith("api:") else (FORBIDDEN,)


def test_every_form_without_the_token_is_refused(bank: AttackedBank, site: WalkedSite) -> None:
    superuser, stranger = site.client("superuser"), Client()
    urls = {address.pattern: address.url for address in addresses(bank.eve)}
    elsewhere = site.client("superuser")
    before = table_digests()

    taken = [
        f"{method} {url}: {answer.status}"
        for client, methods in ((superuser, WRITING), (stranger, ("POST",)))
        for pattern, url in urls.items()
        for method in methods
        if pattern.name not in WITHOUT_TOKEN
        if (answer := ask(strict(client), method, url)).status not in refusals(pattern)
    ]

    assert taken == []
    assert table_digests() == before
    assert is_alive(superuser)
    assert is_alive(elsewhere)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://testserver.evil.example"]
)
def test_the_token_is_refused_from_another_origin(readers: dict[str, Client], origin: str) -> None:
    client = strict(readers["customer"])
    client.get("/")
    token = client.cookies["csrftoken"].value
    url, form = reverse("accounts:open"), {"name": "x", "currency": "USD"}

    headers = {"x-csrftoken": token}
    assert client.post(url, form, headers=headers | {"origin": origin}).status_code == 403
    assert client.post(url, form, headers=headers).status_code == 302
    wrong = {"x-csrftoken": token[::-1]}
    assert client.post(url, form, headers=wrong).status_code == 403
