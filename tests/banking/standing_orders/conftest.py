"""Who pays and who is paid, unless a module has its own."""

import pytest

from accounts.models import Account
from tests.factories import AccountFactory


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")
