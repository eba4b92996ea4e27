"""A step of staff waits for a lock. The step changes nothing if the person's access has ended in
the meantime.
"""

from collections.abc import Callable
from functools import partial

import pytest
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import approvals, current_access
from accounts import services as people
from accounts.exceptions import AccessEnded
from accounts.models import Account, ApprovalRequest, User
from accounts.sign_in.revalidation import refuse_request_if_ended
from banking.standing_orders import services as orders
from banking.standing_orders.models import StandingOrder
from tests.attacks.approvals import asked
from tests.attacks.digests import OF_EVERY_VISIT, table_digests
from tests.attacks.waiting import after_waiting_for
from tests.banking.standing_orders.orders import order_of
from tests.conftest import signed_in
from tests.factories import AccountFactory

pytestmark = pytest.mark.django_db(transaction=True)
rows = partial(table_digests, OF_EVERY_VISIT)
Step = Callable[[Account, User], object]


def close_sign_in(clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(deleted_at=timezone.now())


def take_rights(clerk: User) -> None:
    clerk.groups.clear()


def end_order(account: Account, _clerk: User) -> object:
    return orders.end(order=StandingOrder.objects.get(from_account=account), why="By the bank")


def withdraw(_account: Account, clerk: User) -> object:
    return approvals.withdraw(request=ApprovalRequest.objects.get(), by=clerk)


@pytest.fixture
def account(clerk: User) -> Account:
    """An account with a standing order. The clerk has requested approval for this account."""
    account: Account = AccountFactory()
    order_of(account, AccountFactory())
    asked(account, clerk)
    return account


def request_of(clerk: User) -> HttpRequest:
    request = HttpRequest()
    request.user, request.session = clerk, signed_in(clerk).session
    return request


STEPS: dict[str, Step] = {
    "freeze": lambda account, clerk: people.freeze_account(
        account=account, reason="x", changed_by=clerk
    ),
    "rename an account": lambda account, _clerk: people.change_account(account=account, name="x"),
    "close a sign-in": lambda account, _clerk: people.set_sign_in(
        user=account.user_id, is_open=False
    ),
    "end an order": end_order,
    "withdraw a request for approval": withdraw,
}


@pytest.mark.parametrize("end", [close_sign_in, take_rights])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_of_staff_whose_access_has_ended_changes_nothing(
    account: Account, clerk: User, name: str, end: Callable[[User], None]
) -> None:
    request = request_of(clerk)
    end(User.objects.get(pk=clerk.pk))
    before = rows()
    with (
        current_access.checked_by(partial(refuse_request_if_ended, request)),
        pytest.raises(AccessEnded),
    ):
        STEPS[name](account, clerk)
    assert rows() == before


@pytest.mark.parametrize("name", STEPS)
def test_the_same_step_of_staff_counts_while_they_are_signed_in(
    account: Account, clerk: User, name: str
) -> None:
    request = request_of(clerk)
    before = rows()
    with current_access.checked_by(partial(refuse_request_if_ended, request)):
        STEPS[name](account, clerk)
    assert rows() != before


def test_a_freeze_that_waited_is_refused_after_the_sign_in_was_closed(
    account: Account, clerk: User
) -> None:
    client = signed_in(clerk)
    url = reverse("admin:accounts_account_freeze", args=[account.pk])

    def end() -> None:
        Account.objects.locked([account.pk]).get()
        close_sign_in(clerk)

    after_waiting_for(end, lambda: client.post(url, {"reason": "x"}))
    account.refresh_from_db()
    assert account.status == Account.Status.ACTIVE
