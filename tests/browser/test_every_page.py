"""Every page of the site in Chromium, with the real content security policy.

axe finds nothing, nothing is wider than a phone, and the console stays empty. The pages are
those that the walk of the attacks finds, so that a new one cannot be forgotten.
"""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client

from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank, attacked_bank
from tests.attacks.people import readers_of
from tests.attacks.walk import Address, addresses
from tests.browser.shared import look_at

pytestmark = pytest.mark.django_db(transaction=True)
# Chromium's line for a page with status 4xx, such as one that a reader may not see.
OF_THE_STATUS = "Failed to load resource: the server responded with a status of"
HTML = "text/html"
# Swagger UI's own page, whose contrast and widths are its own. What it shows is openapi.json.
OF_OTHERS = {"/api/v1/docs/"}


def pages_for(client: Client, bank: AttackedBank) -> list[str]:
    """One address of each pattern that answers this reader with a page, and each page to which the
    others lead: once, though most lead a stranger to the same form with another `?next=`.
    """
    one_each: dict[str, Address] = {it.pattern.template: it for it in addresses(bank.eve)}
    found, led_to = list[str](), dict[str, str]()
    for address in one_each.values():
        answer = ask(client, "GET", address.url)
        if answer.status == 200 and HTML in answer.headers["Content-Type"]:
            found.append(address.url)
        elif answer.status == 302 and answer.headers["Location"].startswith("/"):
            url = answer.headers["Location"]
            led_to.setdefault(urlsplit(url).path, url)
    return list(dict.fromkeys([*found, *led_to.values()]))


@pytest.mark.parametrize("kind", ["stranger", "customer", "analyst", "staff", "superuser"])
def test_every_page_is_accessible_and_says_nothing_in_the_console(
    browser: Any, live_server: Any, kind: str
) -> None:
    bank = attacked_bank()
    readers = readers_of(bank)
    client = readers.get(kind, Client())
    seen = pages_for(readers["customer"], bank) if kind in ("analyst", "staff") else []
    urls = [url for url in pages_for(client, bank) if url not in seen]
    context = browser.new_context(base_url=live_server.url)
    for cookie in client.cookies.values():
        context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    heard, said = list[str](), list[str]()

    def listen(message: Any) -> None:
        if message.type in ("error", "warning"):
            heard.append(f"{page.url}: {message.text}")

    page.on("console", listen)
    page.on("pageerror", lambda error: heard.append(f"{page.url}: {error}"))

    violations: list[str] = []
    for url in urls:
        page.goto(url, wait_until="load")
        said += heard
        violations += [] if url in OF_OTHERS else look_at(page, url)
        heard.clear()  # axe itself breaks the policy while it looks
    context.close()

    assert [line for line in said if OF_THE_STATUS not in line] == []
    assert violations == []
    assert urls
    assert kind == "stranger" or SESSION_KEY in client.session
