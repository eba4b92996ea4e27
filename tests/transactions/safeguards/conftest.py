"""Ana, whose sign-in is six minutes old, her account, and the accounts that she pays."""

from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account
from tests.factories import AccountFactory
from tests.sign_in import let_pass
from tests.transactions.safeguards.asking import PASSWORD
from transactions import services


@pytest.fixture(autouse=True)
def review_shown() -> None:
    """These tests take the token of a real review."""


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="9000", user__name="Ana Ferreira", user__password=PASSWORD)


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def known(mine: Account) -> Account:
    """An account to which Ana has paid a small amount in another session."""
    account: Account = AccountFactory(user__name="Jo Wolf")
    services.transfer(from_account=mine, to_account=account, amount=Decimal(1))
    return account


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    """The client of a person who signed in six minutes ago."""
    client.force_login(mine.user)
    let_pass(client, minutes=6)
    return client
