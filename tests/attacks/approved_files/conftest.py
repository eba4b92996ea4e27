"""A firm and its payment file of 24,000, which waits for approval."""

import pytest

from accounts.models import Account, User
from banking.payment_files.models import PaymentFile
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory


@pytest.fixture
def firm() -> Account:
    account: Account = AccountFactory(balance="90000", name="Firm", user__name="Ana Ferreira")
    return account


@pytest.fixture
def mara() -> Account:
    account: Account = AccountFactory(user__name="Mara Lindt")
    return account


@pytest.fixture
def file(firm: Account, mara: Account, clerk: User) -> PaymentFile:
    """A file of 24,000 in three lines. Each line is below the threshold."""
    return checked(firm, pay(mara, 8_000), pay(mara, 7_000), pay(mara, 9_000), created_by=clerk)
