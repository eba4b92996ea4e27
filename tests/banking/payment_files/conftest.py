"""Ana pays out of Everyday; Mara and Jo are paid."""

import pytest

from accounts.models import Account
from tests.factories import AccountFactory


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def mara() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def jo() -> Account:
    return AccountFactory(name="Jo's", user__name="Jo Wolf")
