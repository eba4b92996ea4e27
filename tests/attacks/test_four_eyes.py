"""One clerk without a colleague: payments and higher limits above the threshold need another
person.

The services run with the rights of a web process in these tests, as in pages.
"""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from accounts import services as account_services
from accounts.exceptions import (
    NeedsApproval,
    ServesOwn,
)
from accounts.groups import AUDITOR, MANAGER, OPERATIONS
from accounts.models import Account, ApprovalRequest, Household, LimitChange, StaffSum, User
from tests.attacks.approvals import DESK, as_web, change_limits, deposit, slip, step
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from tests.reviews import book
from tests.transactions.staff.forms import HOLD, hold_form
from transactions import services, staff_services
from transactions.audit.audit import audit
from transactions.models import Transaction

pytestmark = pytest.mark.django_db(transaction=True)

FROM_NOTHING = Decimal(100_000_000_000)


# One clerk without a colleague


def test_a_deposit_from_nothing_is_refused(account: Account, clerk: User) -> None:
    with pytest.raises(NeedsApproval):
        deposit(account, clerk, FROM_NOTHING)
    assert balances(account) == [50_000]
    assert not StaffSum.objects.exists()


def test_a_thousand_small_deposits_are_refused_at_the_threshold(
    account: Account, clerk: User
) -> None:
    for _ in range(10):
        deposit(account, clerk, 1_000)
    for _ in range(3):
        with pytest.raises(NeedsApproval):
            deposit(account, clerk, "0.01")
    assert balances(account) == [60_000]


def test_a_clerk_has_one_sum_over_all_accounts_and_currencies(
    account: Account, clerk: User
) -> None:
    yen = AccountFactory(currency="JPY")
    deposit(account, clerk, 6_000)
    with pytest.raises(NeedsApproval):
        deposit(yen, clerk, 750_000)  # half of 1,500,000
    deposit(yen, clerk, 600_000)
    assert balances(yen) == [600_000]


def test_an_account_has_one_sum_over_all_clerks(account: Account, clerk: User) -> None:
    deposit(account, clerk, 6_000)
    with pytest.raises(NeedsApproval):
        deposit(account, colleague(OPERATIONS, "Second"), 6_000)


def test_what_clerks_take_from_one_account_counts_to_one_sum(
    account: Account, other: Account, clerk: User
) -> None:
    second = colleague(OPERATIONS, "Second")
    with as_web():
        services.withdraw(from_account=account, amount=Decimal(6_000), created_by=clerk)
        with pytest.raises(NeedsApproval):
            services.withdraw(from_account=account, amount=Decimal(6_000), created_by=second)
        with pytest.raises(NeedsApproval):
            services.hold(from_account=account, amount=Decimal(6_000), created_by=second)
        with pytest.raises(NeedsApproval):  # like a line of a customer's file
            services.transfer(
                from_account=account, to_account=other, amount=Decimal(6_000), created_by=second
            )
    assert balances(account, other) == [44_000, 50_000]


def test_every_kind_counts_to_the_same_sum(account: Account, other: Account, clerk: User) -> None:
    paid = services.transfer(from_account=account, to_account=other, amount=Decimal(3_000))
    held = services.hold(from_account=account, amount=Decimal(3_000))
    with as_web():
        services.withdraw(from_account=account, amount=Decimal(2_500), created_by=clerk)
        services.hold(from_account=account, amount=Decimal(2_500), created_by=clerk)
        services.capture(hold=held, amount=Decimal(2_500), created_by=clerk)
        services.reverse(transaction=paid, amount=Decimal(2_500), created_by=clerk)
        again: Callable[[], Transaction]
        for again in (
            lambda: services.withdraw(from_account=other, amount=Decimal(1), created_by=clerk),
            lambda: services.hold(from_account=other, amount=Decimal(1), created_by=clerk),
            lambda: services.reverse(transaction=paid, amount=Decimal(1), created_by=clerk),
            lambda: services.transfer(
                from_account=other, to_account=account, amount=Decimal(1), created_by=clerk
            ),
        ):
            with pytest.raises(NeedsApproval):
                again()
    assert audit().clean


def test_holds_and_captures_for_an_accomplice_are_refused(
    account: Account, other: Account, clerk: User
) -> None:
    held = services.hold(from_account=account, to_account=other, amount=Decimal(30_000))
    with as_web():
        attempt: Callable[[], Transaction]
        for attempt in (
            lambda: services.hold(
                from_account=account, to_account=other, amount=Decimal(10_001), created_by=clerk
            ),
            lambda: services.capture(hold=held, created_by=clerk),
        ):
            with pytest.raises(NeedsApproval):
                attempt()
    assert balances(other) == [50_000]


@pytest.mark.parametrize("name", [None, "customer", "closed", "unknown", "no desk", "reader"])
def test_an_empty_or_wrong_name_does_not_evade_the_sum(
    name: str | None, account: Account, other: Account
) -> None:
    people: dict[str | None, User | None] = {
        None: None, "customer": UserFactory(), "closed": UserFactory(is_staff=True),
        "unknown": UserFactory(), "no desk": UserFactory(is_staff=True),
        "reader": colleague(AUDITOR, "Reader"),
    }  # fmt: skip
    person = people[name]
    if name == "closed" and person:
        account_services.deactivate_user(user=person)
    deposit(account, person, 6_000)
    with pytest.raises(NeedsApproval):
        deposit(other, None, 6_000)  # people without the permission share one sum
    with as_web(), pytest.raises(NeedsApproval):
        services.transfer(from_account=other, to_account=account, amount=Decimal(6_000))


def test_a_customer_pays_as_much_as_they_have(account: Account, other: Account) -> None:
    with as_web(account.user):
        for _ in range(3):
            services.transfer(
                from_account=account, to_account=other, amount=Decimal(15_000),
                created_by=account.user,
            )  # fmt: skip
    assert not StaffSum.objects.exists()


def test_a_clerk_serves_neither_themselves_nor_their_household(
    account: Account, clerk: User
) -> None:
    own = AccountFactory(user=clerk)
    with pytest.raises(ServesOwn):
        deposit(own, clerk, 1)
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[clerk.pk, account.user_id]).update(household=home)
    for theirs in (own, account):
        with pytest.raises(ServesOwn):
            deposit(theirs, clerk, 1)
    with as_web(), pytest.raises(ServesOwn):
        account_services.change_account(
            account=account, overdraft_limit=Decimal(1), changed_by=clerk, reason="x"
        )


def test_the_desk_refuses_the_household_of_the_clerk(
    staff: Client, clerk: User, account: Account
) -> None:
    home = Household.objects.create(name="Elm Street 4")
    User.objects.filter(pk__in=[clerk.pk, account.user_id]).update(household=home)
    assert "your household" in text_of(staff.post(DESK, slip(account, "5")))
    assert "your household" in text_of(staff.post(HOLD, hold_form(account, amount="5")))
    freeze = reverse("admin:accounts_account_freeze", args=[account.pk])
    assert staff.post(freeze, {"reason": "x"}).status_code == 403


# Limits


def test_an_overdraft_of_a_billion_is_refused(account: Account, boss: User) -> None:
    with pytest.raises(NeedsApproval):
        change_limits(account, boss, overdraft_limit=Decimal(10) ** 12)
    change_limits(account, boss, overdraft_limit=Decimal(4_000))
    change_limits(account, boss, overdraft_limit=Decimal(1_000))  # which reduces no sum
    with pytest.raises(NeedsApproval):
        change_limits(account, boss, overdraft_limit=Decimal(9_000))
    account.refresh_from_db()
    assert account.overdraft_limit == 1_000


def test_a_limit_on_payments_is_lowered_alone_and_neither_removed_nor_raised_far(
    account: Account, boss: User
) -> None:
    change_limits(account, boss, transfer_limit=Decimal(500), daily_limit=Decimal(900))
    for far in ({"transfer_limit": None}, {"daily_limit": None},
                {"daily_limit": Decimal(20_000)}):  # fmt: skip
        with pytest.raises(NeedsApproval):
            change_limits(account, boss, **far)
    change_limits(account, boss, daily_limit=Decimal(5_000), transfer_limit=Decimal(100))
    account.refresh_from_db()
    assert (account.transfer_limit, account.daily_limit) == (100, 5_000)
    newest = LimitChange.objects.first()
    assert newest is not None
    assert (newest.daily_limit_before, newest.changed_by) == (900, boss)


def test_limits_over_the_threshold_are_asked_for_and_approved(
    manager: Client, boss: User, account: Account
) -> None:
    second = colleague(MANAGER, "Second boss")
    url = reverse("admin:accounts_account_change", args=[account.pk])
    form = {
        "name": account.name, "overdraft_limit": "60000.00", "transfer_limit": "",
        "daily_limit": "", "reason": "A bridge loan", "initial-overdraft_limit": "0.00",
        "initial-name": account.name, "initial-transfer_limit": "", "initial-daily_limit": "",
        "status_changes-TOTAL_FORMS": "0", "status_changes-INITIAL_FORMS": "0",
    }  # fmt: skip
    refused = text_of(manager.post(url, form))
    assert "10,000.00" in refused
    assert account.currency in refused
    assert "correct the error" not in refused
    assert 'name="_ask"' in manager.post(url, form).content.decode()
    done = text_of(manager.post(url, {**form, "_ask": "1"}, follow=True))
    assert "We have asked another manager" in done
    assert "successfully" not in done
    request = ApprovalRequest.objects.get()
    assert (request.kind, request.amount) == ("limits", 60_000)
    assert "you asked for this" in text_of(step(manager, request, "approve")).lower()
    step(signed_in(second), request, "approve")
    account.refresh_from_db()
    assert account.overdraft_limit == 60_000
    change = LimitChange.objects.get()
    assert (change.pk, change.changed_by) == (request.transaction_id, boss)


def test_a_release_is_no_payment_and_needs_nobody(account: Account, clerk: User) -> None:
    held = services.hold(from_account=account, amount=Decimal(40_000))
    with as_web(clerk):
        assert staff_services.release(hold=held, reason="Cancelled", written_by=clerk)


def test_booking_below_the_threshold_needs_nobody(staff: Client, account: Account) -> None:
    book(staff, DESK, slip(account, "9000"))
    assert balances(account) == [59_000]
    share = StaffSum.objects.values_list("share", flat=True)
    assert [str(each.normalize()) for each in share] == ["0.9", "0.9"]
