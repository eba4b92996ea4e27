"""A correction by staff and its reason are one: both are written or neither."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from tests.factories import AccountFactory, UserFactory, balances, hold_that_ended
from transactions import services, staff_services
from transactions.exceptions import HoldNotPending
from transactions.lifecycle import lifecycle_of
from transactions.models import StaffReason, Transaction
from transactions.services import Draft

pytestmark = pytest.mark.django_db

TOO_LONG = "x" * 501  # the note's column refuses it


def test_money_does_not_move_without_its_reason() -> None:
    account = AccountFactory(balance="50")
    draft = Draft(from_account=account, amount=Decimal(5), pending=True)
    person = account.user
    with pytest.raises(services.LedgerError):
        staff_services.book(
            draft, action=StaffReason.Action.HOLD, reason=TOO_LONG, written_by=person
        )
    assert not Transaction.objects.pending().exists()
    account.refresh_from_db()
    assert account.held == 0


def test_a_hold_is_not_released_without_its_reason() -> None:
    account = AccountFactory(balance="50")
    hold = services.hold(from_account=account, amount=Decimal(5))
    with pytest.raises(services.LedgerError):
        staff_services.release(hold=hold, reason=TOO_LONG, written_by=account.user)
    hold.refresh_from_db()
    assert hold.is_pending
    assert staff_services.release(hold=hold, reason="Cancelled", written_by=account.user)
    assert not staff_services.release(hold=hold, reason="Again", written_by=account.user)
    assert [note.reason for note in hold.reasons.all()] == ["Cancelled"]
    assert balances(account) == [50]


def test_a_hold_that_expired_meanwhile_is_not_said_to_be_released_by_anybody() -> None:
    account = AccountFactory(balance="50")
    hold = hold_that_ended(account, Decimal(5), expires_at=timezone.now() - timedelta(hours=1))
    assert services.expire_holds() == 1
    with pytest.raises(HoldNotPending, match="released before"):
        staff_services.release(hold=hold, reason="x", message="By us", written_by=account.user)
    hold.refresh_from_db()
    lifecycle = lifecycle_of(hold)
    assert [moment.text for moment in lifecycle.moments][1:] == ["Expired and released"]
    assert lifecycle.messages == []


def test_of_two_colleagues_who_release_one_hold_the_second_is_told() -> None:
    account, first, second = AccountFactory(balance="50"), UserFactory(), UserFactory()
    hold = services.hold(from_account=account, amount=Decimal(5))
    staff_services.release(hold=hold, reason="Cancelled", written_by=first)
    with pytest.raises(HoldNotPending, match="released before"):
        staff_services.release(hold=hold, reason="Mine", written_by=second)
    assert [note.written_by for note in hold.reasons.all()] == [first]


def test_the_reason_of_a_row_that_is_sent_again_stays_and_new_rows_get_theirs() -> None:
    account = AccountFactory(balance="50")
    rows = [services.withdraw(from_account=account, amount=Decimal(n)) for n in (1, 2)]
    facts = {"action": StaffReason.Action.FILE, "written_by": account.user}
    staff_services.explain(rows[:1], reason="First", **facts)
    staff_services.explain(rows, reason="Second", **facts)
    assert [row.reasons.get().reason for row in rows] == ["First", "Second"]
