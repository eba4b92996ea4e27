"""Ana, who leaves the bank."""

import pytest

from accounts.models import Account
from tests.factories import PASSWORD, AccountFactory, UserFactory


@pytest.fixture
def ana() -> Account:
    account: Account = AccountFactory(
        user=UserFactory(name="Ana Ferreira", email="ana@mail.example", password=PASSWORD),
        name="Ana's money",
    )
    return account
