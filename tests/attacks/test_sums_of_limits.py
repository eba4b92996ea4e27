"""The limit increases that managers may make per day without approval. Their sums are separate from
the sums of payments.
"""

from decimal import Decimal

import pytest
from django.contrib.auth.models import Group

from accounts import services as account_services
from accounts.exceptions import NeedsApproval
from accounts.groups import OPERATIONS
from accounts.models import Account, StaffSum, User
from tests.attacks.approvals import as_web
from tests.factories import AccountFactory, walls_down
from transactions import services
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="50000")
    with_limits = {"transfer_limit": Decimal(100), "daily_limit": Decimal(100)}
    return account_services.change_account(account=account, **with_limits)  # type: ignore[arg-type]


def change(account: Account, by: User, **limits: Decimal | None) -> None:
    with as_web(by):
        account_services.change_account(
            account=account,
            changed_by=by,
            reason="Asked by letter",
            **limits,  # type: ignore[arg-type]
        )


def withdraw(account: Account, amount: int, by: User) -> None:
    with as_web():
        services.book(Draft(from_account=account, amount=Decimal(amount), created_by=by))


def test_the_rises_of_all_three_limits_add_up(account: Account, boss: User) -> None:
    change(account, boss, overdraft_limit=Decimal(4_000), transfer_limit=Decimal(4_100))
    with pytest.raises(NeedsApproval):
        change(account, boss, daily_limit=Decimal("2100.01"))
    change(account, boss, daily_limit=Decimal(2_100))
    assert set(StaffSum.objects.values_list("share", flat=True)) == {1}


def test_rises_in_two_currencies_add_up(account: Account, boss: User) -> None:
    euros = AccountFactory(currency="EUR")
    change(account, boss, overdraft_limit=Decimal(6_000))
    with pytest.raises(NeedsApproval):
        change(euros, boss, overdraft_limit=Decimal(5_000))
    change(euros, boss, overdraft_limit=Decimal(4_000))


def test_a_lowered_limit_gives_nothing_back(account: Account, boss: User) -> None:
    change(account, boss, overdraft_limit=Decimal(10_000))
    change(account, boss, overdraft_limit=Decimal(0))
    with pytest.raises(NeedsApproval):
        change(account, boss, overdraft_limit=Decimal(1))


def test_a_limit_where_there_was_none_counts_nothing(account: Account, boss: User) -> None:
    change(AccountFactory(), boss, transfer_limit=Decimal(90_000), daily_limit=Decimal(90_000))
    assert not StaffSum.objects.exists()


def test_limits_and_money_do_not_add_up_also_for_one_person_of_both_groups(boss: User) -> None:
    boss.groups.add(Group.objects.get(name=OPERATIONS))
    account = AccountFactory()
    change(account, boss, overdraft_limit=Decimal(10_000))
    withdraw(account, 10_000, boss)
    with pytest.raises(NeedsApproval):
        change(account, boss, overdraft_limit=Decimal(10_001))
    assert StaffSum.objects.filter(share=1).count() == 4, "of the clerk and of the account, twice"


def test_an_overdraft_above_the_threshold_needs_approval_however_slowly_it_grows(
    account: Account, boss: User
) -> None:
    """Each single increase is within the daily limit of one person."""
    change(account, boss, overdraft_limit=Decimal(10_000))
    another_day()
    for far in ("10000.01", "20000"):
        with pytest.raises(NeedsApproval):
            change(account, boss, overdraft_limit=Decimal(far))
    change(account, boss, overdraft_limit=Decimal(5_000), daily_limit=Decimal(4_000))


def test_an_overdraft_above_the_threshold_is_lowered_alone(account: Account, boss: User) -> None:
    account_services.change_account(account=account, overdraft_limit=Decimal(90_000))
    change(account, boss, overdraft_limit=Decimal(80_000), transfer_limit=Decimal(200))
    with pytest.raises(NeedsApproval):
        change(account, boss, overdraft_limit=Decimal("80000.01"))


def another_day() -> None:
    """Moves the changes of today to an earlier day."""
    with walls_down("staff_sums") as cursor:
        cursor.execute("UPDATE staff_sums SET key = '2020-01-01' || substr(key, 11)")
