"""Staff cannot serve their household: neither change the status of an account nor release a hold,
even without the checks of pages.
"""

from decimal import Decimal

import pytest

from accounts import services as account_services
from accounts.exceptions import ServesOwn
from accounts.models import Account, Household, StatusChange, User
from tests.attacks.approvals import as_web
from tests.factories import AccountFactory, UserFactory
from tests.refusals import refused_by
from transactions import services, staff_services
from transactions.models import Transaction
from transactions.privacy.leaving import leave

pytestmark = pytest.mark.django_db(transaction=True)
WHOSE = pytest.mark.parametrize("whose", ["own", "household"])
CHANGE = """INSERT INTO account_status_changes (id, account_id, from_status, to_status, reason,
        message, created_at, changed_by_id)
    VALUES (gen_random_uuid(), %s, %s, %s, 'x', '', now(), %s)"""
NOTE = """INSERT INTO transaction_notes (id, transaction_id, action, reason, message, written_by_id,
        created_at)
    VALUES (gen_random_uuid(), %s, 'release', 'x', '', %s, now())"""


def account_of(whose: str, clerk: User) -> Account:
    """Returns an account of the clerk, or of a person who lives with the clerk."""
    holder = clerk if whose == "own" else UserFactory()
    if whose == "household":
        home = Household.objects.create(name="Elm Street 4")
        User.objects.filter(pk__in=[clerk.pk, holder.pk]).update(household=home)
    account: Account = AccountFactory(user=holder, balance="500")
    return account


def hold_on(account: Account, side: str) -> Transaction:
    other = AccountFactory(balance="500")
    payer, payee = (account, other) if side == "pays" else (other, account)
    return services.hold(from_account=payer, to_account=payee, amount=Decimal(40))


@WHOSE
def test_nobody_freezes_or_unfreezes_for_themselves_or_their_household(
    whose: str, clerk: User
) -> None:
    account = account_of(whose, clerk)
    with as_web():
        for change in (account_services.freeze_account, account_services.close_account):
            empty = AccountFactory(user=account.user)
            with pytest.raises(ServesOwn):
                change(account=empty, reason="x", changed_by=clerk)
        assert refused_by(CHANGE, account.pk, "active", "frozen", clerk.pk) == "status_by_stranger"
    account_services.freeze_account(account=account, reason="Stolen card")
    with as_web():
        with pytest.raises(ServesOwn):
            account_services.change_status(
                account=account, status=Account.Status.ACTIVE, reason="x", changed_by=clerk
            )
        assert refused_by(CHANGE, account.pk, "frozen", "active", clerk.pk) == "status_by_stranger"
    account.refresh_from_db()
    assert account.is_frozen


@WHOSE
@pytest.mark.parametrize("side", ["pays", "is paid"])
def test_nobody_releases_a_hold_of_their_own_or_of_their_household(
    side: str, whose: str, clerk: User
) -> None:
    hold = hold_on(account_of(whose, clerk), side)
    with as_web():
        with pytest.raises(ServesOwn):
            staff_services.release(hold=hold, reason="x", written_by=clerk)
        assert refused_by(NOTE, hold.pk, clerk.pk) == "released_by_stranger"
    hold.refresh_from_db()
    assert hold.status == "pending"


def test_a_colleague_does_both(clerk: User) -> None:
    account = AccountFactory(balance="500")
    hold = hold_on(account, "is paid")
    with as_web(clerk):
        account_services.freeze_account(account=account, reason="x", changed_by=clerk)
        assert staff_services.release(hold=hold, reason="x", written_by=clerk)


def test_a_customer_who_leaves_closes_their_own_accounts() -> None:
    customer = UserFactory()
    AccountFactory(user=customer)
    with as_web(customer):
        leave(person=customer)
    change = StatusChange.objects.get()
    assert (change.to_status, change.changed_by) == ("closed", customer)


def test_a_customer_freezes_and_unfreezes_nothing_of_their_own(account: Account) -> None:
    """No page offers this action, but smuggled SQL could do it."""
    with as_web():
        refusal = refused_by(CHANGE, account.pk, "active", "frozen", account.user_id)
    assert refusal == "status_by_stranger"
