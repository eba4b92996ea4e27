"""Small books that are clean, for the tests to break."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services


@pytest.fixture
def books(db: Any) -> tuple[Account, Account]:
    a, b = AccountFactory(balance="100"), AccountFactory(currency="USD")
    services.transfer(from_account=a, to_account=b, amount=Decimal(30))
    services.withdraw(from_account=b, amount=Decimal(5))
    services.deposit(to_account=AccountFactory(currency="JPY"), amount=Decimal(7))
    return a, b
