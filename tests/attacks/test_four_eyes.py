"""One clerk alone, and two who are not two: what moves money over the threshold needs another.

The services run with the rights of a web process here, as pages do.
"""

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import approvals
from accounts import services as account_services
from accounts.exceptions import (
    DetailsInvalid,
    LedgerError,
    MayNotDecide,
    NeedsApproval,
    RequestDecided,
    ServesOwn,
)
from accounts.groups import AUDITOR, MANAGER, OPERATIONS, ensure_groups
from accounts.models import Account, ApprovalRequest, Household, LimitChange, StaffSum, User
from ledger.db.ids import uuid7
from tests.attacks.approvals import PAGE, approved, as_web, asked_limits, expire, step
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from tests.refusals import constraint_of
from tests.reviews import book, reviewed
from tests.transactions.staff.forms import HOLD, hold_form, page_of, said_by_staff
from transactions import services, staff_services
from transactions.audit.audit import audit
from transactions.models import StaffReason, Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for, do_approved

pytestmark = pytest.mark.django_db(transaction=True)

DESK = reverse("admin:transactions_transaction_cash_desk")
FROM_NOTHING = Decimal(100_000_000_000)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="50000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def other() -> Account:
    account: Account = AccountFactory(balance="50000", user__name="Mara Lindt")
    return account


def deposit(account: Account, clerk: User | None, amount: Any, **more: Any) -> Transaction:
    draft = Draft(to_account=account, amount=Decimal(amount), created_by=clerk, **more)
    with as_web():
        return services.book(draft)


def asked(account: Account, clerk: User, amount: Any = 20_000, **more: Any) -> ApprovalRequest:
    """A request for a deposit, as the desk makes it."""
    draft = Draft(id=uuid7(), to_account=account, amount=Decimal(amount), created_by=clerk, **more)
    with as_web():
        return ask_for(services.preview(draft), reason="Sold a house", asked_by=clerk)


def done(request: ApprovalRequest, by: User | None = None) -> str:
    """Does what is approved; who asked presses the button, if nobody else does."""
    with as_web():
        return do_approved(request, by=by or request.requested_by)


def slip(account: Account, amount: str = "20000") -> dict[str, str]:
    return {"id": str(uuid7()), "number": account.number, "kind": "deposit", "amount": amount}


# One clerk alone


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
        with pytest.raises(NeedsApproval):  # as a line of a customer's file
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
        deposit(other, None, 6_000)  # all who serve no desk share one sum
    with as_web(), pytest.raises(NeedsApproval):
        services.transfer(from_account=other, to_account=account, amount=Decimal(6_000))


def test_a_customer_pays_as_much_as_they_have(account: Account, other: Account) -> None:
    with as_web():
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


def change_limits(account: Account, by: User, **limits: Any) -> Account:
    with as_web():
        return account_services.change_account(
            account=account, changed_by=by, reason="Asked by letter", **limits
        )


def test_an_overdraft_of_a_billion_is_refused(account: Account, boss: User) -> None:
    with pytest.raises(NeedsApproval):
        change_limits(account, boss, overdraft_limit=Decimal(10) ** 12)
    for _ in range(3):
        change_limits(account, boss, overdraft_limit=Decimal(4_000))
        change_limits(account, boss, overdraft_limit=Decimal(1_000))
        account.refresh_from_db()
        if StaffSum.objects.filter(key__contains="limits", share__gt="0.6").exists():
            break
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
    assert "Another manager has been asked" in done
    assert "successfully" not in done
    request = ApprovalRequest.objects.get()
    assert (request.kind, request.amount) == ("limits", 60_000)
    assert "you asked for this" in text_of(step(manager, request, "approve")).lower()
    step(signed_in(second), request, "approve")
    account.refresh_from_db()
    assert account.overdraft_limit == 60_000
    change = LimitChange.objects.get()
    assert (change.pk, change.changed_by) == (request.transaction_id, boss)


# The request and its decision


def test_the_desk_asks_and_a_manager_approves_once(
    staff: Client, clerk: User, manager: Client, boss: User, account: Account
) -> None:
    form = slip(account)
    seen = reviewed(staff, DESK, form)
    page = staff.post(DESK, form).content.decode()
    assert 'name="ask"' in page
    assert 'name="book"' not in page
    again = staff.post(DESK, {**seen, "ask": "1", "why": "  "}).content.decode()
    assert 'aria-describedby="why_error"' in again, "the review stays, with the error at the field"
    assert 'name="ask"' in again
    assert not ApprovalRequest.objects.exists()
    answer = staff.post(DESK, {**seen, "ask": "1", "why": "Sold a house"})
    assert answer["Location"] == PAGE
    request = ApprovalRequest.objects.get()
    assert (str(request.transaction_id), request.requested_by) == (form["id"], clerk)
    assert "is frozen" not in text_of(manager.get(PAGE))
    account_services.freeze_account(account=account, reason="Lost card")
    shown = text_of(manager.get(PAGE))
    assert "Sold a house" in shown
    assert "is frozen" in shown
    step(manager, request, "approve")
    row = Transaction.objects.get(pk=form["id"])
    assert (row.created_by, row.amount) == (clerk, 20_000)
    request.refresh_from_db()
    assert (request.status, request.decided_by) == ("done", boss)
    step(manager, request, "approve")
    step(manager, request, "do")
    step(staff, request, "do")
    assert balances(account) == [70_000]
    assert not StaffSum.objects.exists()  # another person saw it, so it counts to nobody


def test_a_hold_a_capture_and_a_refund_are_approved_with_their_reasons(
    staff: Client, clerk: User, manager: Client, account: Account, other: Account
) -> None:
    paid = services.transfer(from_account=account, to_account=other, amount=Decimal(15_000))
    held = services.hold(from_account=account, amount=Decimal(15_000))
    forms = [
        (HOLD, hold_form(account, amount="15000")),
        (page_of(held, "capture"), said_by_staff(amount="12000")),
        (page_of(paid, "refund"), said_by_staff(amount="12000", message="Sorry")),
    ]
    for url, form in forms:
        seen = reviewed(staff, url, form)
        assert staff.post(url, {**seen, "book": "1"}).status_code == 200
        assert staff.post(url, {**seen, "ask": "1"}).status_code == 302
        step(manager, ApprovalRequest.objects.get(transaction_id=form["id"]), "approve")
        row = Transaction.objects.get(pk=form["id"])
        reason = StaffReason.objects.get(transaction=row)
        assert (reason.written_by, reason.reason) == (clerk, "Came damaged")
    assert StaffReason.objects.get(action="refund").message == "Sorry"
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
    "auditor": lambda person: person.groups.set([ensure_groups()[AUDITOR]]),
    "no staff": lambda person: User.objects.filter(pk=person.pk).update(is_staff=False),
}


@pytest.mark.parametrize("how", LEAVE)
def test_a_request_of_somebody_who_left_is_declined_and_never_approved(
    how: str, account: Account, clerk: User, boss: User, manager: Client
) -> None:
    request = asked(account, clerk)
    LEAVE[how](clerk)
    page = manager.get(PAGE).content.decode()
    assert "may not do this any more" in page
    assert 'value="approve"' not in page
    assert "may not do this any more" in text_of(step(manager, request, "approve"))
    with pytest.raises(IntegrityError) as refusal:
        raw("UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
            " decided_at = now()", boss.pk)  # fmt: skip
    assert constraint_of(refusal.value) == "asked_by_staff"
    assert balances(account) == [50_000]
    step(manager, request, "decline", note="They left")
    request.refresh_from_db()
    assert request.status == "declined"


@pytest.mark.parametrize("how", LEAVE)
def test_an_approved_request_of_somebody_who_left_is_not_done(
    how: str, account: Account, clerk: User, boss: User, manager: Client
) -> None:
    request = approved(asked(account, clerk), boss)
    LEAVE[how](clerk)
    page = manager.get(PAGE).content.decode()
    assert "may not do this any more" in page
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
    boss.groups.set([ensure_groups()[OPERATIONS]])
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
    with as_web():
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
    with as_web():
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
    again = deposit(account, clerk, 20_000, id=request.transaction_id)  # the same row comes back
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
    with as_web():
        waits = ask_for(services.preview(draft), reason="Car", asked_by=clerk)
    blocking = services.hold(from_account=account, amount=Decimal(45_000))
    answer = text_of(step(manager, waits, "approve"))
    assert "Approved, but not done yet" in answer
    services.void(hold=blocking)
    step(manager, waits, "do")
    waits.refresh_from_db()
    assert (waits.status, balances(account)) == ("done", [30_000])
    assert request.status == "pending"


# Raw SQL with the rights of a web process


def raw(sql: str, *values: Any) -> None:
    with as_web(), connection.cursor() as cursor:
        cursor.execute(sql, values)


@pytest.mark.parametrize("sql", [
    "UPDATE staff_sums SET share = 0", "DELETE FROM staff_sums",
    "INSERT INTO staff_sums VALUES ('x', 0)", "TRUNCATE staff_sums",
    "UPDATE approval_thresholds SET amount = 10000000", "DELETE FROM approval_thresholds",
    "INSERT INTO approval_thresholds VALUES ('USD', 10000000)",
    "UPDATE approval_requests SET amount = 1", "DELETE FROM approval_requests",
    "UPDATE approval_requests SET expires_at = now() + interval '9 days'",
    "UPDATE approval_requests SET used_at = NULL",
    "UPDATE approval_requests SET requested_by_id = NULL",
    "UPDATE approval_requests SET status = 'approved', decided_by_id = requested_by_id",
    "UPDATE accounts SET overdraft_limit = 10000000", "UPDATE accounts SET daily_limit = NULL",
    "UPDATE limit_changes SET reason = ''", "DELETE FROM limit_changes",
])  # fmt: skip
def test_raw_sql_of_the_web_role_is_refused(sql: str, account: Account, clerk: User) -> None:
    deposit(account, clerk, 5_000)
    change_limits(account, clerk, overdraft_limit=Decimal(10))
    asked(account, clerk)
    with pytest.raises(DatabaseError):
        raw(sql)


def raw_deposit(trick: str, account: Account, clerk: User) -> None:
    """20,000 from nothing in a session of the web role that plays a trick first."""
    connection.ensure_connection()
    with as_web(), connection.cursor() as cursor:
        try:
            cursor.execute(trick)
            cursor.execute(
                "INSERT INTO transactions (id, to_account_id, amount, currency, type, status,"
                " description, reference, metadata, created_at, value_date, to_balance,"
                " created_by_id)"
                " SELECT gen_random_uuid(), id, 20000, 'USD', 'deposit', 'completed', '', '',"
                " '{}', clock_timestamp(), current_date, balance + 20000, %s FROM accounts"
                " WHERE id = %s",
                [clerk.pk, account.pk],
            )
            cursor.execute("COMMIT")
        finally:
            connection.close()


def test_a_raw_row_over_the_threshold_is_refused_whatever_the_session_says(
    account: Account, clerk: User
) -> None:
    tricks = [
        "SELECT 1", "SET pgtrigger.ignore = '{all}'", "SET TimeZone = 'Pacific/Kiritimati'",
        "SET session_replication_role = replica", "SET ROLE ledger_cookbook",
        "SET CONSTRAINTS ALL DEFERRED",
        "BEGIN ISOLATION LEVEL REPEATABLE READ",
    ]  # fmt: skip
    for trick in tricks:
        with pytest.raises(DatabaseError):
            raw_deposit(trick, account, clerk)
    assert balances(account) == [50_000]


def test_a_forged_decision_names_a_manager_who_is_no_relative(
    account: Account, clerk: User, boss: User
) -> None:
    request = asked(account, clerk)
    for person in (clerk, colleague(OPERATIONS, "Second"), account.user):
        with pytest.raises(IntegrityError):
            raw(
                "UPDATE approval_requests SET status = 'approved', decided_by_id = %s,"
                " decided_at = now() WHERE id = %s",
                person.pk, request.pk,
            )  # fmt: skip
    with pytest.raises(IntegrityError):
        raw("UPDATE approval_requests SET status = 'done', decided_by_id = %s, decided_at = now()",
            boss.pk)  # fmt: skip


def test_an_account_is_not_opened_with_an_overdraft(account: Account) -> None:
    with pytest.raises(DatabaseError):
        raw(
            "INSERT INTO accounts (id, user_id, number, name, currency, status, balance, held,"
            " overdraft_limit, created_at) SELECT gen_random_uuid(), user_id, '482109375511', name,"
            " currency, 'active', 0, 0, 5000, now() FROM accounts LIMIT 1"
        )


# Races


def together(many: int, work: Callable[[int], Any]) -> list[Any]:
    """Runs `work` in threads at once, each with the rights of a web process."""
    results: list[Any] = [None] * many
    barrier = threading.Barrier(many)

    def run(place: int) -> None:
        try:
            connection.ensure_connection()
            barrier.wait()
            with as_web():
                results[place] = work(place)
        except LedgerError as refusal:
            results[place] = refusal
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[place]) for place in range(many)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_many_desks_of_one_clerk_at_once_stay_below_the_threshold(clerk: User) -> None:
    accounts = [AccountFactory() for _ in range(8)]
    results = together(
        8,
        lambda place: services.book(
            Draft(to_account=accounts[place], amount=Decimal(3_000), created_by=clerk)
        ),
    )
    assert sum(isinstance(result, NeedsApproval) for result in results) == 5
    assert sum(balances(*accounts)) == 9_000


def test_many_clerks_at_one_account_at_once_stay_below_the_threshold(account: Account) -> None:
    clerks = [colleague(OPERATIONS, f"Clerk {n}") for n in range(8)]
    together(
        8,
        lambda place: services.book(
            Draft(to_account=account, amount=Decimal(3_000), created_by=clerks[place])
        ),
    )
    assert balances(account) == [59_000]


@pytest.mark.slow
def test_of_fifty_approvals_at_once_one_counts_and_the_money_moves_once(
    account: Account, clerk: User
) -> None:
    bosses = [colleague(MANAGER, f"Boss {n}") for n in range(5)]
    request = asked(account, clerk)

    def approve_and_do(place: int) -> str:
        by = bosses[place % 5]
        return do_approved(approvals.approve(request=request, by=by), by=by)

    results = together(50, approve_and_do)
    assert sum(isinstance(result, str) for result in results) == 1
    assert balances(account) == [70_000]


@pytest.mark.slow
def test_of_fifty_who_do_what_is_approved_the_money_moves_once(
    account: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(account, clerk), boss)
    together(50, lambda _place: do_approved(request, by=clerk))
    assert balances(account) == [70_000]
    assert audit().clean


def test_the_request_records_when_it_was_asked_and_until_when(
    account: Account, clerk: User
) -> None:
    request = asked(account, clerk)
    assert request.expires_at - request.requested_at == timedelta(hours=48)
    assert request.requested_at <= timezone.now()


def test_a_release_is_no_payment_and_needs_nobody(account: Account, clerk: User) -> None:
    held = services.hold(from_account=account, amount=Decimal(40_000))
    with as_web():
        assert staff_services.release(hold=held, reason="Cancelled", written_by=clerk)


def test_booking_below_the_threshold_needs_nobody(staff: Client, account: Account) -> None:
    book(staff, DESK, slip(account, "9000"))
    assert balances(account) == [59_000]
    share = StaffSum.objects.values_list("share", flat=True)
    assert [str(each.normalize()) for each in share] == ["0.9", "0.9"]
