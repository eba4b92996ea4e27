"""What a customer sees while the primary of a real pair is dead, and when the standby took over."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from ledger.embedded.pair import Pair
from tests.ledger.own_bank import OwnBank
from tests.ledger.own_pair import own_pair
from tests.ledger.own_site import Site, accounts_of


@pytest.fixture
def pair() -> Iterator[Pair]:
    with own_pair(bank=True) as found:
        yield found


@dataclass
class Customer:
    """A browser that is signed in, and every answer that it got for a page."""

    context: Any
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def page(self) -> Any:
        page = self.context.new_page()
        page.on("response", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, response: Any) -> None:
        if response.request.is_navigation_request():
            self.answers.append((response.status, response.headers))


@contextmanager
def customer(browser: Any, site: Site) -> Iterator[Customer]:
    there = f"http://127.0.0.1:{site.port}"
    context = browser.new_context(base_url=there)
    context.set_default_timeout(120_000)
    context.add_cookies([{"name": "sessionid", "value": site.cookie, "url": there}])
    try:
        yield Customer(context)
    finally:
        context.close()


def test_pages_wait_for_the_new_primary_and_the_payment_is_made_once(
    browser: Any, pair: Pair
) -> None:
    bank = OwnBank(pair.data_dir)
    (_, _), (_, number), *_ = accounts_of(bank)
    site = Site(bank)
    try:
        with customer(browser, site) as ana:
            paying, reading = ana.page(), ana.page()
            paying.goto("/transfers/new/")
            paying.get_by_label("To account number").fill(number)
            paying.get_by_label("Amount").fill("950.00")
            paying.get_by_label("What is the payment for?").fill("Rent <for> November")
            paying.get_by_role("button", name="Review").click()
            send = paying.get_by_role("button", name=re.compile("^Send"))
            send.wait_for()

            pair.primary.kill()
            send.click()
            paying.get_by_role("button", name="Send again").wait_for()
            kept = paying.locator("input[name=description]").get_attribute("value")
            assert kept == "Rent <for> November"
            reading.goto("/")
            reading.get_by_role("link", name="Try again").wait_for()

            pair.fail_over(kill=True)
            paying.wait_for_url("**/transactions/*/")  # nobody presses anything
            reading.get_by_role("link", name="Send money").wait_for()
            assert "950.00" in paying.locator("main").inner_text()
    finally:
        site.stop()
    away = [headers for status, headers in ana.answers if status == 503]
    assert {status for status, _ in ana.answers} <= {200, 302, 503}, "no other error, no traceback"
    assert len(away) >= 2
    assert all(int(headers["retry-after"]) > 0 for headers in away)
    assert ana.complaints == []
    assert len(bank.transfers()) == 1
    assert "clean" in bank.manage("audit_ledger")
