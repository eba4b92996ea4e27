"""Holds that are voided, by a caller or once they have expired; and what is stored with a row."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, hold_that_ended
from tests.transactions.posting.shared import counted, more
from transactions import services, staff_services
from transactions.exceptions import HoldNotPending, InsufficientFunds, LimitExceeded
from transactions.models import StaffReason, Transaction
from transactions.posting.locked_accounts import lock
from transactions.services import NO_REASON, DayLimit, Draft

pytestmark = pytest.mark.django_db


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(overdraft_limit=Decimal(100))


def held(account: Account, **details: Any) -> Transaction:
    return services.hold(from_account=account, amount=Decimal(10), **details)


def reasons_of(row: Transaction) -> list[tuple[str, str]]:
    return list(StaffReason.objects.filter(transaction=row).values_list("action", "reason"))


def status_of(row: Transaction) -> str:
    return str(Transaction.objects.get(pk=row.pk).status)


def test_a_hold_that_nobody_explains_says_that_no_reason_was_given(everyday: Account) -> None:
    row, before = held(everyday), counted("release")
    assert services.void(hold=row).status == "voided"
    assert reasons_of(row) == [("release", NO_REASON)]
    assert more(before, "release") == (1, 0, 0)
    assert services.void(hold=row.pk) == row
    assert reasons_of(row) == [("release", NO_REASON)]
    assert more(before, "release") == (1, 1, 0)


def test_an_expired_hold_needs_no_reason(everyday: Account) -> None:
    row = hold_that_ended(everyday, Decimal(10))
    assert services.void(hold=row).status == "voided"
    assert (reasons_of(row), status_of(row)) == ([], "voided")


def test_a_caller_explains_the_hold_that_it_voids_before_that(everyday: Account) -> None:
    row, seen = held(everyday), list[tuple[Any, str]]()

    def explain(hold: Transaction) -> None:
        seen.append((hold.pk, status_of(hold)))
        StaffReason.objects.create(transaction=hold, action="release", reason="Asked by phone")

    services.void(hold=row, explain=explain)
    services.void(hold=row, explain=explain)
    assert seen == [(row.pk, "pending")]
    assert reasons_of(row) == [("release", "Asked by phone")]


def test_staff_learn_whether_they_released_a_hold_with_their_reason(everyday: Account) -> None:
    clerk, colleague = UserFactory(is_staff=True), UserFactory(is_staff=True)
    row = held(everyday)
    facts: dict[str, Any] = {"hold": row, "reason": " Asked\u200b by phone ", "message": "Done "}
    assert staff_services.release(**facts, written_by=clerk) is True
    assert staff_services.release(**facts, written_by=clerk) is False
    with pytest.raises(HoldNotPending):
        staff_services.release(**facts, written_by=colleague)
    stored = StaffReason.objects.get(transaction=row)
    assert (stored.action, stored.reason, stored.message, stored.written_by) == (
        "release", "Asked by phone", "Done", clerk,
    )  # fmt: skip


def test_staff_book_with_their_reason_once(everyday: Account) -> None:
    clerk = UserFactory(is_staff=True)
    draft = Draft(id=uuid7(), from_account=everyday, amount=Decimal(10), pending=True)
    hold = StaffReason.Action.HOLD
    for reason in ("Hotel ", "Another"):
        row = staff_services.book(draft, action=hold, reason=reason, message=" M", written_by=clerk)
    stored = StaffReason.objects.get()
    assert (stored.transaction, stored.action) == (row, "hold")
    assert (stored.reason, stored.message, stored.written_by) == ("Hotel", "M", clerk)


def test_one_reason_is_stored_for_rows_that_have_none(everyday: Account) -> None:
    clerk = UserFactory(is_staff=True)
    rows = [services.deposit(to_account=everyday, amount=Decimal(1)) for _ in range(2)]
    facts: dict[str, Any] = {"action": StaffReason.Action.FILE, "written_by": clerk}
    staff_services.explain(rows[:1], reason="First ", **facts)
    staff_services.explain(rows, reason="Then", **facts)
    assert [reasons_of(row) for row in rows] == [[("file", "First")], [("file", "Then")]]
    assert set(StaffReason.objects.values_list("written_by", flat=True)) == {clerk.pk}


def test_without_a_time_holds_that_have_ended_until_now_expire(everyday: Account) -> None:
    now = timezone.now()
    over = [hold_that_ended(everyday, Decimal(amount)) for amount in (1, 2)]
    over.append(hold_that_ended(everyday, Decimal(3), to_account=AccountFactory()))
    ahead, endless = held(everyday, expires_at=now + timedelta(minutes=3)), held(everyday)
    before = counted("release")
    assert services.expire_holds() == 3
    assert [status_of(row) for row in (*over, ahead, endless)] == ["voided"] * 3 + ["pending"] * 2
    assert more(before, "release") == (3, 0, 0)
    assert services.expire_holds() == 0
    assert ahead.expires_at is not None
    assert services.expire_holds(now=ahead.expires_at - timedelta(microseconds=1)) == 0
    assert services.expire_holds(now=ahead.expires_at) == 1
    assert (status_of(ahead), status_of(endless)) == ("voided", "pending")


def test_an_account_that_is_locked_by_others_keeps_its_holds(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, waited = hold_that_ended(everyday, Decimal(1)), list[bool]()

    def none(_ids: Any, *, skip_locked: bool = False) -> list[Account]:
        waited.append(not skip_locked)
        return []

    monkeypatch.setattr(services, "lock", none)
    assert services.expire_holds() == 0
    assert (status_of(row), waited) == ("pending", [False])


def test_a_retry_waits_for_the_lock_and_counts_what_an_earlier_try_has_committed(
    everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, waited = hold_that_ended(everyday, Decimal(1)), list[bool]()

    def locked(ids: Any, *, skip_locked: bool = False) -> Any:
        waited.append(not skip_locked)
        return lock(ids, skip_locked=skip_locked)

    monkeypatch.setattr(services, "lock", locked)
    monkeypatch.setattr(services, "was_committed", {"7": True, "8": False}.__getitem__)
    tries = {"7": 2, "8": 4}
    now = timezone.now()
    assert services._expire(everyday.pk, None, now, tries) == 2 + 1
    (new,) = tries.keys() - {"7", "8"}
    assert (tries[new], status_of(row)) == (1, "voided")
    del tries[new]
    assert services._expire(everyday.pk, None, now, tries) == 2
    assert (tries, waited) == ({"7": 2, "8": 4}, [True, True])


@pytest.mark.usefixtures("step_by_step")
def test_a_payment_within_the_limit_of_a_day_is_counted_once(everyday: Account) -> None:
    payee = AccountFactory()
    since = timezone.now() - timedelta(hours=1)
    refusal = LimitExceeded("Too much today.")
    within = DayLimit(everyday.user.pk, "USD", since, Decimal(60), refusal)
    beside = list[Transaction]()

    def paid(amount: str, id: Any = None) -> Any:
        draft = Draft(
            id=id, from_account=everyday, to_account=payee, amount=Decimal(amount),
            created_by=everyday.user,
        )  # fmt: skip
        return services.book_once(draft, within=within, write_also=beside.append)

    with pytest.raises(LimitExceeded):
        paid("60.01")
    assert (beside, Transaction.objects.count()) == ([], 0)
    id, before = uuid7(), counted("transfer")
    first = paid("60", id)
    again = paid("60", id)
    assert (first.is_repeated, again.is_repeated, again.row) == (False, True, first.row)
    assert beside == [first.row, first.row]
    with pytest.raises(LimitExceeded):
        paid("0.01")
    assert more(before, "transfer") == (1, 1, 1)
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("verb", [services.book, services.preview])
def test_what_the_books_refuse_is_refused_the_same_way_without_a_row(
    everyday: Account, verb: Callable[[Draft], Transaction]
) -> None:
    facts: dict[str, Any] = {"from_account": everyday, "to_account": AccountFactory()}
    with pytest.raises(InsufficientFunds):
        verb(Draft(amount=Decimal("100.01"), **facts))
    assert verb(Draft(amount=Decimal(100), **facts)).from_balance == -100
    assert Transaction.objects.count() == (1 if verb is services.book else 0)
