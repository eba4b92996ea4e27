"""Search and reports over the whole bank: accessible, under 60 kB, and they fit a phone."""

from typing import Any

import pytest

from accounts.models import Account, User
from tests.browser.shared import look_at, sign_in
from transactions.reports.catalogue import REPORTS

pytestmark = pytest.mark.django_db(transaction=True)
PAGES_OF_THE_BANK = [
    "/",
    "/search/?whose=bank",
    "/search/?q=maximiliana&whose=bank",
    "/search/?q=tag:food&whose=bank",
    "/search/?q=meta.note:y&whose=bank&plans=1",
    "/reports/",
    *[report.url for report in REPORTS],
]


def test_pages_of_the_whole_bank_are_accessible_light_and_fit_a_phone(
    browser: Any, live_server: Any, everyday: Account, clerk: User
) -> None:
    context = browser.new_context(base_url=live_server.url)
    page = context.new_page()
    sign_in(page, clerk.email)
    wrong = []
    for url in PAGES_OF_THE_BANK:
        page.goto(url)
        wrong += look_at(page, url)
        if len(page.content().encode()) > 60_000 and "plans" not in url:
            wrong.append(f"{url} is heavy")
    context.close()
    assert wrong == []
