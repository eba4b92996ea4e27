"""Query scope: a reader's own accounts, or the whole bank with the permission."""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied

from accounts.groups import ANALYSTS, AUDITOR, MANAGER, OPERATIONS
from accounts.models import User
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.scope import BANK, may_read_bank, scope_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana() -> User:
    ana: User = UserFactory(name="Ana")
    return ana


def member_of(group: str) -> User:
    user: User = UserFactory(is_staff=group == OPERATIONS)
    user.groups.add(Group.objects.get(name=group))
    return user


def test_a_customers_scope_has_rows_with_a_side_of_theirs_and_no_others(ana: User) -> None:
    mine, other, stranger = (
        AccountFactory(user=ana, balance="100"),
        AccountFactory(),
        AccountFactory(balance="7"),
    )
    paid = services.transfer(from_account=mine, to_account=other, amount=Decimal(30))
    back = services.transfer(from_account=other, to_account=mine, amount=Decimal(10))
    services.transfer(from_account=stranger, to_account=other, amount=Decimal(7))
    scope = scope_for(ana)
    assert set(scope.transactions()) == {paid, back, mine.received.get(type="deposit")}
    assert sorted(entry.signed_amount for entry in scope.entries()) == [-30, 10, 100]


def test_a_scope_has_holds_as_transactions_but_not_as_entries(ana: User) -> None:
    mine = AccountFactory(user=ana, balance="100")
    held = services.hold(from_account=mine, amount=Decimal(5))
    scope = scope_for(ana)
    assert held in scope.transactions()
    assert held.pk not in {entry.transaction_id for entry in scope.entries()}


def test_flows_leave_out_transfers_between_ones_own_accounts(ana: User) -> None:
    everyday, savings = AccountFactory(user=ana, balance="100"), AccountFactory(user=ana)
    services.transfer(from_account=everyday, to_account=savings, amount=Decimal(40))
    services.transfer(from_account=everyday, to_account=AccountFactory(), amount=Decimal(3))
    services.withdraw(from_account=savings, amount=Decimal(2))
    flows = scope_for(ana).flows("USD")
    assert sorted(entry.signed_amount for entry in flows) == [-3, -2, 100]


@pytest.mark.parametrize("group", [AUDITOR, MANAGER, OPERATIONS])
def test_a_group_of_staff_opens_nothing_to_who_is_no_staff_any_more(group: str) -> None:
    former = member_of(group)
    User.objects.filter(pk=former.pk).update(is_staff=False)
    assert not may_read_bank(User.objects.get(pk=former.pk))


def test_flows_are_those_of_one_currency(ana: User) -> None:
    AccountFactory(user=ana, balance="100")
    AccountFactory(user=ana, balance="7", currency="JPY")
    assert [entry.amount for entry in scope_for(ana).flows("JPY")] == [7]
    assert list(scope_for(ana).flows("EUR")) == []


def test_flows_of_the_bank_are_deposits_and_withdrawals() -> None:
    one, other = AccountFactory(balance="100"), AccountFactory()
    services.transfer(from_account=one, to_account=other, amount=Decimal(40))
    services.withdraw(from_account=other, amount=Decimal(5))
    flows = scope_for(member_of(ANALYSTS), BANK).flows("USD")
    assert sorted(entry.signed_amount for entry in flows) == [-5, 100]


@pytest.mark.parametrize(("group", "names"), [(ANALYSTS, False), (OPERATIONS, True)])
def test_analysts_and_staff_read_the_bank_and_staff_see_names(group: str, names: bool) -> None:
    reader = member_of(group)
    AccountFactory(balance="1")
    scope = scope_for(reader, BANK)
    assert may_read_bank(reader)
    assert scope.is_bank
    assert scope.shows_names is names
    assert scope.transactions().count() == 1


def test_the_bank_is_refused_to_a_customer(ana: User) -> None:
    assert not may_read_bank(ana)
    with pytest.raises(PermissionDenied):
        scope_for(ana, BANK)


def test_an_analysts_own_scope_has_only_their_own_money() -> None:
    analyst = member_of(ANALYSTS)
    AccountFactory(balance="1")
    mine = AccountFactory(user=analyst, balance="2")
    assert [entry.account_id for entry in scope_for(analyst).entries()] == [mine.pk]


def test_the_most_frequent_currency_comes_first(ana: User) -> None:
    for currency in ("JPY", "EUR", "EUR"):
        AccountFactory(user=ana, currency=currency)
    for _ in range(3):
        AccountFactory(currency="USD")
    assert scope_for(ana).currencies == ["EUR", "JPY"]
    assert scope_for(member_of(ANALYSTS), BANK).currencies == ["USD", "EUR", "JPY"]


def test_the_scope_of_a_reader_without_accounts_is_empty(ana: User) -> None:
    AccountFactory(balance="1")
    scope = scope_for(ana)
    assert list(scope.transactions()) == []
    assert list(scope.entries()) == []
    assert list(scope.flows("USD")) == []
    assert scope.currencies == []
