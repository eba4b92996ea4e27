"""Many accounts opened at once, for imports: every rule of one account, all or none."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts.exceptions import (
    AccountNotEmpty,
    CurrencyUnknown,
    DetailsInvalid,
    LimitInvalid,
    OwnerNotActive,
)
from accounts.models import Account, User
from accounts.services import open_accounts, raise_overdraft_limits
from tests.factories import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db


def account(user: User, **fields: Any) -> Account:
    return Account(**{"user": user, "currency": "CZK", **fields})


def test_open_accounts_opens_all_of_them() -> None:
    user = UserFactory()
    open_accounts([account(user, name="One"), account(user, name="Two", currency="JPY")])
    assert set(user.accounts.values_list("name", "currency", "balance")) == {
        ("One", "CZK", 0),
        ("Two", "JPY", 0),
    }


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"currency": "XXX"}, CurrencyUnknown),
        ({"overdraft_limit": Decimal(-1)}, LimitInvalid),
        ({"daily_limit": Decimal("0.001")}, LimitInvalid),
        ({"balance": Decimal(5)}, AccountNotEmpty),
        ({"held": Decimal(5)}, AccountNotEmpty),
        ({"name": "x" * 101}, DetailsInvalid),
    ],
)
def test_open_accounts_opens_none_when_one_is_refused(
    fields: dict[str, Any], refusal: type[Exception]
) -> None:
    user = UserFactory()
    with pytest.raises(refusal):
        open_accounts([account(user), account(user, **fields)])
    assert not Account.objects.exists()


def test_open_accounts_refuses_an_owner_who_has_left() -> None:
    user = UserFactory(deleted_at=timezone.now())
    with pytest.raises(OwnerNotActive):
        open_accounts([account(user)])
    assert not Account.objects.exists()


def test_open_accounts_does_not_give_a_number_twice() -> None:
    taken = AccountFactory()
    with pytest.raises(IntegrityError):
        open_accounts([account(taken.user), account(taken.user, number=taken.number)])


def test_raise_overdraft_limits_never_lowers_one() -> None:
    low, high = AccountFactory(overdraft_limit=Decimal(10)), AccountFactory()
    raise_overdraft_limits({low.pk: Decimal(5), high.pk: Decimal(5)})
    limits = [Account.objects.get(pk=a.pk).overdraft_limit for a in (low, high)]
    assert limits == [10, 5]


def test_raise_overdraft_limits_refuses_more_decimals_than_the_currency_has() -> None:
    with pytest.raises(LimitInvalid):
        raise_overdraft_limits({AccountFactory().pk: Decimal("0.001")})
