"""Links between recipes and the places where the bank uses their features."""

from decimal import Decimal
from html import unescape

import pytest
from django.test import Client

from cookbook.in_the_bank import USES
from cookbook.recipes import BY_SLUG
from ledger.env import BASE_DIR
from tests.factories import AccountFactory
from transactions import services

SHOWN = {slug: use for slug, use in USES.items() if use.sql}
# A page with the use of these recipes shows no SQL with it: the SQL is of a payment, or of the rows
# below the first page.
WITHOUT_SQL = {"keyset-of-two-columns", "safe-headline", "no-key", "locks-in-one-order"}


@pytest.mark.parametrize("slug", USES)
def test_the_file_contains_the_feature(slug: str) -> None:
    use = USES[slug]
    assert slug in BY_SLUG
    assert use.text in (BASE_DIR / use.file).read_text()
    assert bool(use.title) == bool(use.address)


def test_each_use_on_a_page_is_recognized_in_its_sql() -> None:
    assert {slug for slug, use in USES.items() if use.address} - set(SHOWN) == WITHOUT_SQL


@pytest.mark.django_db
def test_each_page_links_to_the_recipes_of_its_sql() -> None:
    account = AccountFactory(balance="100", user__is_superuser=True, user__is_staff=True)
    other = AccountFactory()
    services.transfer(from_account=account, to_account=other, amount=Decimal(5), description="Rent")
    client = Client()
    client.force_login(account.user)
    pages = {
        url: unescape(client.get(url, {"work": "1", "plans": "1", "q": "rent"}).content.decode())
        for url in {use.url for use in SHOWN.values()}
    }
    for slug, use in SHOWN.items():
        panel = pages[use.url].partition('id="work"')[2]
        assert BY_SLUG[slug].url in panel, (slug, use.url)
