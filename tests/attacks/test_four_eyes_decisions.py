"""Two people who do not count as two: the people who may decide a request, the times, and the
payments that the decision allows.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from accounts import approvals
from accounts import services as account_services
from accounts.exceptions import (
    DetailsInvalid,
    MayNotDecide,
    NeedsApproval,
    RequestDecided,
)
from accounts.groups import AUDITOR, MANAGER, OPERATIONS
from accounts.models import Account, ApprovalRequest, Household, StaffSum, User
from ledger.db.ids import uuid7
from tests.attacks.approvals import (
    DESK,
    PAGE,
    approved,
    as_web,
    asked,
    asked_limits,
    deposit,
    done,
    expire,
    raw,
    slip,
    step,
)
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, balances
from tests.pages import text_of
from tests.refusals import constraint_of
from tests.reviews import paid_id, reviewed
from tests.security_events import security_events
from tests.transactions.staff.forms import HOLD, hold_form, page_of, said_by_staff
from transactions import services
from transactions.audit.audit import audit
from transactions.models import StaffReason, Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_action_is_asked_for_once_also_in_parallel(clerk: User, account: Account) -> None:
    draft = Draft(id=uuid7(), to_account=account, amount=Decimal(20_000), created_by=clerk)
    with as_web(clerk):
        row = services.preview(draft)
    together = Barrier(4)

    def ask(_: int) -> bool:
        try:
            with as_web(clerk):
                together.wait(timeout=60)
                ask_for(row, reason="Sold a house", asked_by=User.objects.get(pk=clerk.pk))
        except RequestDecided:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as clerks:
        assert sum(clerks.map(ask, range(4))) == 1
    request = ApprovalRequest.objects.get()
    expire(request)
    assert asked_again(request, clerk).status == "pending"


def asked_again(request: ApprovalRequest, clerk: User) -> ApprovalRequest:
    fields = ("kind", "transaction_id", "from_account", "to_account", "amount", "currency")
    same: dict[str, Any] = {name: getattr(request, name) for name in fields}
    with as_web(clerk):
        return approvals.ask(**same, parameters=request.parameters, reason="Again", asked_by=clerk)


def test_the_desk_asks_and_a_manager_approves_once(
    staff: Client, clerk: User, manager: Client, boss: User, account: Account
) -> None:
    form = slip(account)
    seen = reviewed(staff, DESK, form)
    page = staff.post(DESK, form).content.decode()
    assert 'value="ask"' in page
    assert 'value="book"' not in page
    again = staff.post(DESK, {**seen, "step": "ask", "why": "  "}).content.decode()
    assert 'aria-describedby="why_error"' in again, "the review stays, with the error at the field"
    assert 'value="ask"' in again
    assert not ApprovalRequest.objects.exists()
    answer = staff.post(DESK, {**seen, "step": "ask", "why": "Sold a house"})
    assert answer["Location"] == PAGE
    request = ApprovalRequest.objects.get()
    assert (request.transaction_id, request.requested_by) == (paid_id(clerk, form), clerk)
    assert "is frozen" not in text_of(manager.get(PAGE))
    account_services.freeze_account(account=account, reason="Lost card")
    shown = text_of(manager.get(PAGE))
    assert "Sold a house" in shown
    assert "is frozen" in shown
    step(manager, request, "approve")
    row = Transaction.objects.get(pk=paid_id(clerk, form))
    assert (row.created_by, row.amount) == (clerk, 20_000)
    request.refresh_from_db()
    assert (request.status, request.decided_by) == ("done", boss)
    step(manager, request, "approve")
    step(manager, request, "do")
    step(staff, request, "do")
    assert balances(account) == [70_000]
    assert not StaffSum.objects.exists()  # another person approved it, so it counts in nobody's sum


def test_a_hold_a_capture_and_a_refund_are_approved_with_their_reasons(
    staff: Client, clerk: User, manager: Client, account: Account, other: Account
) -> None:
    paid = services.transfer(from_account=account, to_account=other, amount=Decimal(15_000))
    held = services.hold(from_account=account, amount=Decimal(15_000))
    forms = [
        (HOLD, hold_form(account, amount="15000")),
        (page_of(held, "capture"), said_by_staff(amount="12000")),
        (page_of(paid, "refund"), said_by_staff(amount="12000", message="Dear Ana,\n  sorry")),
    ]
    for url, form in forms:
        seen = reviewed(staff, url, form)
        assert staff.post(url, {**seen, "step": "book"}).status_code == 200
        assert staff.post(url, {**seen, "step": "ask"}).status_code == 302
        step(manager, ApprovalRequest.objects.get(transaction_id=paid_id(clerk, form)), "approve")
        row = Transaction.objects.get(pk=paid_id(clerk, form))
        reason = StaffReason.objects.get(transaction=row)
        assert (reason.written_by, reason.reason) == (clerk, "Came damaged")
    assert StaffReason.objects.get(action="refund").message == "Dear Ana, sorry"
    assert audit().clean


def test_nobody_approves_their_own_request(account: Account) -> None:
    both = colleague(OPERATIONS, "Both")
    both.groups.add(*colleague(MANAGER, "Model").groups.all())
    request = asked(account, both)
    with pytest.raises(MayNotDecide):
        approved(request, both)


@pytest.mark.parametrize("whose", ["clerk", "customer"])
def test_nobody_approves_for_their_household(
    whose: str, account: Account, clerk: User, boss: User
) -> None:
    request = asked(account, clerk)
    home = Household.objects.create(name="Elm Street 4")
    person = clerk if whose == "clerk" else account.user
    User.objects.filter(pk__in=[person.pk, boss.pk]).update(household=home)
    with pytest.raises(MayNotDecide):
        approved(request, boss)


def test_nobody_approves_for_their_own_account(clerk: User, boss: User) -> None:
    with pytest.raises(MayNotDecide):
        approved(asked(AccountFactory(user=boss), clerk), boss)


def test_only_managers_decide(account: Account, clerk: User, staff: Client) -> None:
    request = asked(account, clerk)
    for person in (colleague(OPERATIONS, "Second"), account.user):
        with pytest.raises(MayNotDecide):
            approved(request, person)
    step(staff, request, "decline", note="x")
    request.refresh_from_db()
    assert request.status == "pending"


LEAVE: dict[str, Callable[[User], Any]] = {
    "closed": lambda person: account_services.deactivate_user(user=person),
    "no group": lambda person: person.groups.clear(),
    "auditor": lambda person: person.groups.set([Group.objects.get(name=AUDITOR)]),
    "no staff": lambda person: User.objects.filter(pk=person.pk).update(is_staff=False),
}


@pytest.mark.parametrize("how", LEAVE)
def test_a_request_of_somebody_who_left_is_declined_and_never_approved(
    how: str, account: Account, clerk: User, boss: User, manager: Client
) -> None:
    request = asked(account, clerk)
    LEAVE[how](clerk)
    page = manager.get(PAGE).content.decode()
    assert "may no longer do this" in page
    assert 'value="approve"' not in page
    assert "may no longer do this" in text_of(step(manager, request, "approve"))
    with pytest.raises(IntegrityError) as refusal:
        raw("UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
            " decided_at = now()", boss.pk)  # fmt: skip
    assert constraint_of(refusal.value) == "asked_by_staff"
    assert balances(account) == [50_000]
    step(manager, request, "decline", note="They left")
    request.refresh_from_db()
    assert request.status == "declined"


def test_a_decision_is_in_the_security_log(account: Account, clerk: User, boss: User) -> None:
    with security_events() as events:
        request = approved(asked(account, clerk), boss)
    (line,) = events.named("approval.decided")
    assert (line["approval"], line["decision"]) == (str(request.pk), "approved")


@pytest.mark.parametrize("how", LEAVE)
def test_an_approved_request_of_somebody_who_left_is_not_done(
    how: str, account: Account, clerk: User, boss: User, manager: Client
) -> None:
    request = approved(asked(account, clerk), boss)
    LEAVE[how](clerk)
    page = manager.get(PAGE).content.decode()
    assert "may no longer do this" in page
    assert 'value="do"' not in page
    step(manager, request, "do")
    with pytest.raises(MayNotDecide):
        done(request, boss)
    with pytest.raises(MayNotDecide):
        deposit(account, clerk, 20_000, id=request.transaction_id)
    assert balances(account) == [50_000]


def test_limits_asked_for_by_somebody_who_left_are_not_set(account: Account, boss: User) -> None:
    second = colleague(MANAGER, "Second boss")
    request = approved(asked_limits(account, boss, overdraft_limit=Decimal(50_000)), second)
    boss.groups.set([Group.objects.get(name=OPERATIONS)])
    with pytest.raises(MayNotDecide):
        done(request, second)
    account.refresh_from_db()
    assert account.overdraft_limit == 0


def test_what_is_approved_is_done_by_who_asked_or_a_manager_alone(
    account: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(account, clerk), boss)
    for other in (colleague(AUDITOR, "Auditor"), colleague(OPERATIONS, "Second")):
        with pytest.raises(MayNotDecide):
            done(request, other)
        assert step(signed_in(other), request, "do").status_code == 403
    LEAVE["auditor"](clerk)
    assert step(signed_in(clerk), request, "do").status_code == 403
    assert balances(account) == [50_000]


def test_a_decline_needs_a_note_and_is_final(account: Account, clerk: User, boss: User) -> None:
    request = asked(account, clerk)
    with as_web(boss):
        with pytest.raises(DetailsInvalid):
            approvals.decline(request=request, by=boss, note=" ")
        approvals.decline(request=request, by=boss, note="No papers")
        for change in (approvals.approve, approvals.decline):
            with pytest.raises(RequestDecided):
                change(request=request, by=boss, note="x")
        with pytest.raises(RequestDecided):
            approvals.withdraw(request=request, by=clerk)
    with pytest.raises(NeedsApproval):
        done(request)


def test_who_asked_withdraws_and_nobody_else(account: Account, clerk: User, boss: User) -> None:
    request = asked(account, clerk)
    with as_web(clerk):
        with pytest.raises(MayNotDecide):
            approvals.withdraw(request=request, by=boss)
        approvals.withdraw(request=request, by=clerk)
    with pytest.raises(RequestDecided):
        approved(request, boss)


def test_an_expired_request_is_neither_approved_nor_done(
    account: Account, clerk: User, boss: User, manager: Client
) -> None:
    late, used_late = asked(account, clerk), approved(asked(account, clerk), boss)
    expire(late)
    expire(used_late)
    with pytest.raises(RequestDecided):
        approved(late, boss)
    with pytest.raises(NeedsApproval):
        done(used_late)
    with pytest.raises(NeedsApproval):
        deposit(account, clerk, 20_000, id=used_late.transaction_id)
    assert text_of(manager.get(PAGE)).count("Expired") == 2


@pytest.mark.parametrize("change", [
    {"amount": "20001"}, {"id": uuid.uuid4()}, {"description": "Other"}, {"reference": "R-2"},
    {"metadata": {"category": "other"}}, {"account": True}, {"clerk": True},
])  # fmt: skip
def test_an_approval_is_for_these_contents_alone(
    change: dict[str, Any], account: Account, other: Account, clerk: User, boss: User
) -> None:
    given = {"description": "House", "reference": "R-1", "metadata": {"category": "cash"}}
    request = approved(asked(account, clerk, **given), boss)
    facts = {**given, "id": request.transaction_id, "amount": "20000", **change}
    to = other if facts.pop("account", False) else account
    by = colleague(OPERATIONS, "Second") if facts.pop("clerk", False) else clerk
    with pytest.raises(NeedsApproval):
        deposit(to, by, facts.pop("amount"), **facts)
    request.refresh_from_db()
    assert request.status == "approved"


def test_an_approval_is_used_once(account: Account, clerk: User, boss: User) -> None:
    request = approved(asked(account, clerk), boss)
    done(request)
    request.refresh_from_db()
    with pytest.raises(NeedsApproval):
        done(request)
    again = deposit(account, clerk, 20_000, id=request.transaction_id)  # the same row returns
    assert again.pk == request.transaction_id
    with pytest.raises(NeedsApproval):
        deposit(account, clerk, 20_000)
    assert balances(account) == [70_000]


def test_an_action_that_is_refused_after_its_approval_can_be_done_later(
    account: Account, clerk: User, manager: Client
) -> None:
    request = asked(account, clerk)
    hold = services.hold(from_account=account, amount=Decimal(45_000))
    draft = Draft(id=uuid7(), from_account=account, amount=Decimal(20_000), created_by=clerk)
    services.void(hold=hold)
    with as_web(clerk):
        waits = ask_for(services.preview(draft), reason="Car", asked_by=clerk)
    blocking = services.hold(from_account=account, amount=Decimal(45_000))
    answer = text_of(step(manager, waits, "approve"))
    assert "Approved, but not done yet" in answer
    services.void(hold=blocking)
    step(manager, waits, "do")
    waits.refresh_from_db()
    assert (waits.status, balances(account)) == ("done", [30_000])
    assert request.status == "pending"


def test_the_request_records_when_it_was_asked_and_until_when(
    account: Account, clerk: User
) -> None:
    request = asked(account, clerk)
    assert request.expires_at - request.requested_at == timedelta(hours=48)
    assert request.requested_at <= timezone.now()
