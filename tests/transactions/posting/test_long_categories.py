"""A category of a new payment is short. A capture or a refund takes that of an older payment."""

from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Account
from tests.factories import AccountFactory
from transactions import services
from transactions.exceptions import InvalidDetails
from transactions.models.transaction import CATEGORY_LENGTH
from transactions.posting import validation

LIMIT = CATEGORY_LENGTH


@pytest.fixture
def account(db: None) -> Account:
    found: Account = AccountFactory(balance="100")
    return found


@pytest.mark.parametrize("category", ["x" * (LIMIT + 1), ["x" * LIMIT], 10**LIMIT])
def test_a_long_category_is_refused(category: Any, account: Account) -> None:
    with pytest.raises(InvalidDetails):
        services.deposit(to_account=account, amount=Decimal(1), metadata={"category": category})


@pytest.mark.parametrize("category", ["x" * LIMIT, 7, None])
def test_a_short_category_is_booked(category: Any, account: Account) -> None:
    assert services.deposit(to_account=account, amount=Decimal(1), metadata={"category": category})


def test_an_older_hold_with_a_long_category_is_captured(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(validation, "CATEGORY_LENGTH", 9_999)
        hold = services.hold(
            from_account=account, amount=Decimal(1), metadata={"category": "x" * 9_999}
        )
    assert services.capture(hold=hold).category == hold.category
