"""Nothing is added for a person who leaves the bank, or whose sign-in is closed, at that moment."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts import services as account_services
from accounts.exceptions import LedgerError, OwnerNotActive, TokenInvalid, TooManyAccounts
from accounts.models import Account, ApiToken, User
from accounts.sign_in import tokens
from banking.alerts.models import AlertKind
from banking.alerts.services import choose
from banking.events.services import add_webhook
from banking.outside.services import open_account as open_outside
from banking.standing_orders.models import StandingOrder
from explorer.services import save_query
from ledger.db.ids import uuid7
from tests.attacks.waiting import after_waiting_for
from tests.banking.payment_files.files import pay, stored
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory
from transactions import services
from transactions.annotations.services import annotate
from transactions.categories.budgets import save_budget
from transactions.categories.services import give_category
from transactions.models import Transaction
from transactions.payees.services import save_payee
from transactions.privacy.leaving import CannotLeave, leave
from transactions.reports.catalogue import REPORTS
from transactions.reports.saved import save_report

pytestmark = pytest.mark.django_db(transaction=True)
Add = Callable[[Account, Account], object]  # for the owner of the first one

ADDED: dict[str, Add] = {
    "account": lambda mine, _: account_services.open_account(user=mine.user, currency="USD"),
    "account once": lambda mine, _: account_services.open_account_once(
        user=mine.user, currency="USD", name="New", id=uuid7()
    ),
    "accounts": lambda mine, _: account_services.open_accounts(
        [Account(user=mine.user, currency="USD")]
    ),
    "standing order": order_of,
    "token": lambda mine, _: tokens.issue(
        person=mine.user, name="Till", scopes=["read"], expires_at=None
    ),
    "webhook": lambda mine, _: add_webhook(
        owner=mine.user, url="https://example.com/hook", kinds=["paid"]
    ),
    "payee": lambda mine, theirs: save_payee(owner=mine.user, account=theirs, name="Mara"),
    "note": lambda mine, _: annotate(
        transaction=Transaction.objects.get(from_account=mine), owner=mine.user, text="Ours"
    ),
    "budget": lambda mine, _: save_budget(
        owner=mine.user, category="food", currency="USD", amount=Decimal(5)
    ),
    "alert": lambda mine, _: choose(owner=mine.user, kind=AlertKind.ORDER_FAILED),
    "outside account": lambda mine, _: open_outside(
        owner=mine.user, name="Else", currency="USD", opening=Decimal(0)
    ),
    "payment file": lambda mine, theirs: stored(mine, pay(theirs, 1)),
    "category": lambda mine, _: give_category(
        owner=mine.user, rows=Transaction.objects.all(), category="food", change=uuid7()
    ),
    "report": lambda mine, _: save_report(
        owner=mine.user, report=REPORTS[0], name="Mine", parameters={}
    ),
    "query": lambda mine, _: save_query(
        owner=mine.user, title="Mine", sql="SELECT 1", parameters={}
    ),
}


@pytest.fixture(autouse=True)
def _no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address of the webhook needs no name server."""
    monkeypatch.setattr("banking.events.targets.resolve", lambda _target, _owner: None)


@pytest.fixture
def theirs(ana: Account) -> Account:
    """Of somebody else, with a payment of Ana's."""
    theirs: Account = AccountFactory(user__name="Mara Lindt")
    services.deposit(to_account=ana, amount=Decimal(1))
    services.transfer(from_account=ana, to_account=theirs, amount=Decimal(1))
    return theirs


def close_sign_in_of(person: User) -> Callable[[], None]:
    """Closes it as `leave` does, within its database transaction."""

    def close() -> None:
        locked = User.objects.locked([person.pk]).get()
        locked.deleted_at = timezone.now()
        locked.save(update_fields=["deleted_at"])

    return close


@pytest.mark.parametrize("what", ADDED)
def test_it_waits_for_the_person_and_is_refused(what: str, ana: Account, theirs: Account) -> None:
    result = after_waiting_for(close_sign_in_of(ana.user), lambda: ADDED[what](ana, theirs))
    assert isinstance(result, LedgerError)
    assert Account.objects.owned_by(ana.user).count() == 1
    assert not StandingOrder.objects.exists()
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("what", ADDED)
def test_it_is_refused_by_an_instance_that_was_read_before(
    what: str, ana: Account, theirs: Account
) -> None:
    before = Account.objects.select_related("user").get(pk=ana.pk)
    account_services.deactivate_user(user=ana.user)
    assert before.user.is_active
    with pytest.raises(LedgerError) as refusal:
        ADDED[what](before, theirs)
    assert isinstance(refusal.value, OwnerNotActive | TokenInvalid)


@pytest.mark.parametrize("what", ADDED)
def test_it_is_added_for_everybody_else(what: str, ana: Account, theirs: Account) -> None:
    assert ADDED[what](ana, theirs) is not False


def test_two_accounts_opened_at_once_are_counted_one_after_the_other(
    ana: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_services, "MAX_ACCOUNTS", 2)

    def first() -> None:
        User.objects.locked([ana.user_id]).get()
        Account.objects.create(user=ana.user, currency="USD")

    result = after_waiting_for(
        first,
        lambda: account_services.open_account(user=ana.user, currency="USD", by_owner=True),
    )
    assert isinstance(result, TooManyAccounts)


def test_who_becomes_staff_at_that_moment_does_not_leave(ana: Account) -> None:
    def hired() -> None:
        person = User.objects.locked([ana.user_id]).get()
        person.is_staff = True
        person.save(update_fields=["is_staff"])

    result = after_waiting_for(hired, lambda: leave(person=ana.user))
    assert isinstance(result, CannotLeave)
    assert User.objects.get(pk=ana.user_id).is_active
