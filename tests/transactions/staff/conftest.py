"""Ana has 10; Mara has paid Book Nook, and something is held for it."""

from decimal import Decimal

import pytest

from accounts.models import Account
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.models import Transaction


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="10", user=UserFactory(name="Ana Ferreira"))
    return account


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="100", user__name="Mara Lindt")


@pytest.fixture
def shop() -> Account:
    return AccountFactory(name="Till 3", user__name="Book Nook", balance="10")


@pytest.fixture
def paid(everyday: Account, shop: Account) -> Transaction:
    return services.transfer(
        from_account=everyday, to_account=shop, amount=Decimal(40), description="Two atlases",
        reference="INV-7", metadata={"category": "shopping", "note": "x"},
    )  # fmt: skip


@pytest.fixture
def held(everyday: Account, shop: Account) -> Transaction:
    return services.hold(
        from_account=everyday, to_account=shop, amount=Decimal(60), description="Room 7",
        reference="R-7", metadata={"category": "travel"},
    )  # fmt: skip
