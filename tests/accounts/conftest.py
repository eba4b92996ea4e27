"""An account to look at."""

import pytest

from accounts.models import Account
from tests.factories import AccountFactory


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="10")
    return account
