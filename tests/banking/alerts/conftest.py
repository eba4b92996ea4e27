"""Two people whose money is told of."""

import pytest

from accounts.models import Account
from tests.factories import AccountFactory


@pytest.fixture
def everyday() -> Account:
    account: Account = AccountFactory(name="Everyday", balance="1000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def mara() -> Account:
    account: Account = AccountFactory(name="Main", balance="1000", user__name="Mara Lindt")
    return account
