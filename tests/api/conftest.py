"""A person with an account, in a browser's session, and somebody to pay."""

import pytest
from django.test import Client

from accounts.models import Account
from tests.factories import AccountFactory


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client
