"""The page that says how money gets in; in the demo it brings some."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings as of_the_run
from django.test import Client

from accounts.models import Account
from accounts.services import close_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
URL = "/add-money/"
no_policies = pytest.mark.skipif(
    of_the_run.LEDGER_ROW_SECURITY, reason="with row-level security nobody pays in by themselves"
)


@pytest.fixture
def mine() -> Account:
    return AccountFactory(name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


def bring(client: Client, account: Account, id: object = None) -> Any:
    return client.post(URL, {"id": str(id or uuid7()), "account": str(account.pk)}, follow=True)


def test_it_tells_the_numbers_of_open_accounts(ana: Client, mine: Account) -> None:
    closed = AccountFactory(user=mine.user, name="Old")
    close_account(account=closed)
    page = text_of(ana.get(URL))
    assert mine.number[:4] in page
    assert "Account holder: Ana Ferreira" in page
    assert "Old" not in page
    assert "(demo money)" not in page


def test_a_real_bank_brings_nothing(ana: Client, mine: Account) -> None:
    assert bring(ana, mine).status_code == 403
    assert not Transaction.objects.exists()


@no_policies
@pytest.mark.parametrize(
    ("currency", "amount"), [("USD", "500.00"), ("JPY", "50000"), ("KWD", "50.000")]
)
def test_the_demo_brings_some_once_for_each_button(
    ana: Client, mine: Account, settings: Any, currency: str, amount: str
) -> None:
    settings.LEDGER_DEMO = True
    account = AccountFactory(user=mine.user, name="Travel", currency=currency)
    id = uuid7()
    assert f"{Decimal(amount):,} {currency} was added to Travel" in text_of(bring(ana, account, id))
    bring(ana, account, id)
    account.refresh_from_db()
    assert account.balance == Decimal(amount)


@no_policies
def test_the_demo_brings_nothing_to_a_strangers_account(ana: Client, settings: Any) -> None:
    settings.LEDGER_DEMO = True
    stranger = AccountFactory()
    assert "Choose one of your open accounts" in text_of(bring(ana, stranger))
    assert not Transaction.objects.exists()


def test_with_row_level_security_the_demo_offers_no_money(ana: Client, settings: Any) -> None:
    settings.LEDGER_DEMO = settings.LEDGER_ROW_SECURITY = True
    assert "(demo money)" not in text_of(ana.get(URL))


def test_without_an_account_it_leads_to_opening_one(client: Client) -> None:
    client.force_login(UserFactory())
    page = client.get(URL).content.decode()
    assert "/accounts/open/" in page
    assert "cash desk" not in page


def test_home_and_an_empty_statement_lead_to_it(ana: Client, mine: Account) -> None:
    for page in ("/", f"/accounts/{mine.pk}/"):
        assert f'href="{URL}"' in ana.get(page).content.decode()
