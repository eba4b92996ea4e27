"""Approvals that are used for something else: with another link, expiry or kind, for another payee
of a file, or for other limits. Also decisions after the time limit.
"""

from datetime import UTC, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts import approvals
from accounts import services as account_services
from accounts.exceptions import NeedsApproval
from accounts.groups import MANAGER
from accounts.models import Account, ApprovalRequest, LimitChange, StaffSum, User
from accounts.models.approval_triggers import TODAY
from banking.payment_files.approval import ask_for_file
from banking.payment_files.models import PaymentFile, PaymentLine
from ledger.db.ids import uuid7
from tests.attacks.approvals import PAGE, approved, as_web, asked_limits, expire, step
from tests.banking.payment_files.files import checked, pay
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, balances, walls_down
from tests.pages import text_of
from tests.refusals import constraint_of, refused_by
from transactions import services
from transactions.models import Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db(transaction=True)
MUCH = Decimal(15_000)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="90000", user__name="Ana Ferreira")
    return account


@pytest.fixture
def other() -> Account:
    account: Account = AccountFactory(balance="90000", user__name="Mara Lindt")
    return account


def approved_draft(boss: User, **facts: Any) -> dict[str, Any]:
    """Returns the facts of an approved draft, for another use."""
    facts = {"id": uuid7(), "amount": MUCH, **facts}
    with as_web(facts["created_by"]):
        row = services.preview(Draft(**facts))
        request = ask_for(row, reason="Letter", asked_by=facts["created_by"])
    approved(request, boss)
    return facts


def refuse(**facts: Any) -> None:
    with pytest.raises(NeedsApproval), as_web():
        services.book(Draft(**facts), write_also=approvals.check_now)
    assert ApprovalRequest.objects.get().status == "approved"


def test_an_approved_capture_is_of_its_hold(
    account: Account, other: Account, clerk: User, boss: User
) -> None:
    one, two = (
        services.hold(from_account=account, to_account=other, amount=MUCH) for _ in range(2)
    )
    sides = {"from_account": account, "to_account": other, "created_by": clerk}
    facts = approved_draft(boss, captures=one, **sides)
    refuse(**{**facts, "captures": two})
    with as_web():
        assert services.book(Draft(**facts)).captures == one


def test_an_approved_refund_is_of_its_payment(
    account: Account, other: Account, clerk: User, boss: User
) -> None:
    one, two = (
        services.transfer(from_account=other, to_account=account, amount=MUCH) for _ in range(2)
    )
    sides = {"from_account": account, "to_account": other, "created_by": clerk}
    facts = approved_draft(boss, reverses=one, **sides)
    refuse(**{**facts, "reverses": two})
    with as_web():
        assert services.book(Draft(**facts)).reverses == one


def test_an_approved_hold_ends_when_it_was_approved_to_end(
    account: Account, clerk: User, boss: User
) -> None:
    soon = timezone.now() + timedelta(days=1)
    facts = approved_draft(
        boss, from_account=account, created_by=clerk, pending=True, expires_at=soon
    )
    refuse(**{**facts, "expires_at": soon + timedelta(days=30)})
    refuse(**{**facts, "expires_at": None})


def test_an_approved_hold_is_no_withdrawal(account: Account, clerk: User, boss: User) -> None:
    facts = approved_draft(boss, from_account=account, created_by=clerk, pending=True)
    refuse(**{**facts, "pending": False})


def test_an_approved_payment_has_its_currency_and_sides(
    account: Account, other: Account, clerk: User, boss: User
) -> None:
    facts = approved_draft(boss, from_account=account, created_by=clerk)
    refuse(**{**facts, "from_account": other})
    euros = AccountFactory(currency="EUR", balance="90000")
    refuse(**{**facts, "from_account": euros})


# Files


@pytest.mark.parametrize("change", ["payee", "amount", "payer"])
def test_an_approved_file_pays_its_lines_alone(
    change: str, account: Account, other: Account, clerk: User, boss: User
) -> None:
    """Tests raw rows with the id of a line, but with another payee, a higher amount, or another
    account.
    """
    file = checked(account, pay(other, 14_000), pay(other, 16_000), created_by=clerk)
    with as_web(clerk):
        request = ask_for_file(file, reason="Letter", asked_by=clerk)
    approved(request, boss)
    line = PaymentLine.objects.of(PaymentFile.objects.get()).in_order().first()
    assert line is not None
    stranger = AccountFactory(balance="90000")
    facts: dict[str, Any] = {
        "id": line.pk, "from_account": account, "to_account": other, "amount": Decimal(14_000),
        "created_by": clerk,
    }  # fmt: skip
    changes: dict[str, dict[str, Any]] = {
        "payee": {"to_account": stranger},
        "amount": {"amount": Decimal(30_000)},
        "payer": {"from_account": stranger},
    }
    with pytest.raises(NeedsApproval), as_web():
        services.transfer(**{**facts, **changes[change]})
    assert ApprovalRequest.objects.get().used_amount == 0
    assert balances(other) == [90_000]


# Limits


def approved_limit(account: Account, by: User, boss: User, limit: int) -> ApprovalRequest:
    before = {"overdraft_limit": str(account.overdraft_limit)}
    parameters = {"overdraft_limit": str(limit), "before": before}
    with as_web(by):
        request = approvals.ask(
            kind=ApprovalRequest.Kind.LIMITS,
            transaction_id=uuid7(),
            from_account=account,
            to_account=None,
            amount=Decimal(limit),
            currency=account.currency,
            parameters=parameters,
            reason="Bridge loan",
            asked_by=by,
        )
    return approved(request, boss)


def change(account: Account, by: User, **limits: Any) -> Account:
    with as_web(by):
        return account_services.change_account(account=account, changed_by=by, reason="x", **limits)


def raise_limit(account: Account, by: User, limit: int, **more: Any) -> None:
    change(account, by, overdraft_limit=Decimal(limit), **more)


def test_approved_limits_are_set_as_approved_once(
    account: Account, other: Account, boss: User
) -> None:
    second = colleague(MANAGER, "Second boss")
    request = approved_limit(account, boss, second, 60_000)
    id = request.transaction_id
    for wrong in ((account, boss, 70_000), (account, second, 60_000), (other, boss, 60_000)):
        with pytest.raises(NeedsApproval):
            raise_limit(*wrong, id=id)
    with pytest.raises(NeedsApproval):
        raise_limit(account, boss, 60_000)
    raise_limit(account, boss, 60_000, id=id)
    raise_limit(account, boss, 0)
    with pytest.raises((NeedsApproval, IntegrityError)):
        raise_limit(account, boss, 60_000, id=id)
    assert LimitChange.objects.get(pk=id).overdraft_limit == 60_000


def test_approved_limits_change_no_other_limit(account: Account, boss: User) -> None:
    """Tests a colleague who has lowered another limit since the request. That limit stays low."""
    second = colleague(MANAGER, "Second boss")
    raise_limit(account, boss, 0, transfer_limit=Decimal(5_000))
    account.refresh_from_db()
    request = asked_limits(account, boss, overdraft_limit=Decimal(60_000))
    raise_limit(account, second, 0, transfer_limit=Decimal(10))
    client = signed_in(second)
    assert "0.00 becomes 60,000.00" in text_of(client.get(PAGE)).replace(" USD", "").replace(
        "$", ""
    )
    step(client, request, "approve")
    account.refresh_from_db()
    assert (account.overdraft_limit, account.transfer_limit) == (60_000, 10)


def test_approved_limits_are_refused_once_a_colleague_changed_them(
    account: Account, boss: User
) -> None:
    second = colleague(MANAGER, "Second boss")
    account = change(account, boss, transfer_limit=Decimal(5_000))
    late = approved(asked_limits(account, boss, transfer_limit=Decimal(70_000)), second)
    request = asked_limits(account, boss, transfer_limit=Decimal(60_000))
    change(account, second, transfer_limit=Decimal(10))
    client = signed_in(second)
    page = client.get(PAGE).content.decode()
    assert page.count("Somebody has changed these limits") == 2
    assert 'value="approve"' not in page
    assert 'value="do"' not in page
    for wish, button in ((request, "approve"), (late, "do")):
        assert "A new request is needed" in text_of(step(client, wish, button))
    request.refresh_from_db()
    assert request.status == "pending"  # the request does not stay approved but unfinished
    with pytest.raises(NeedsApproval):  # the database refuses it, too
        change(account, boss, transfer_limit=Decimal(70_000), id=late.transaction_id)
    change(account, second, transfer_limit=Decimal(5_000))
    change(account, boss, transfer_limit=Decimal(70_000), id=late.transaction_id)
    account.refresh_from_db()
    assert account.transfer_limit == 70_000


def test_an_approval_of_one_limit_sets_no_other(account: Account, boss: User) -> None:
    second = colleague(MANAGER, "Second boss")
    request = approved(asked_limits(account, boss, overdraft_limit=Decimal(60_000)), second)
    with pytest.raises(NeedsApproval):
        raise_limit(account, boss, 60_000, id=request.transaction_id, transfer_limit=Decimal(1))


def test_an_expired_approval_raises_no_limit(account: Account, boss: User) -> None:
    request = approved_limit(account, boss, colleague(MANAGER, "Second boss"), 60_000)
    expire(request)
    with pytest.raises(NeedsApproval):
        raise_limit(account, boss, 60_000, id=request.transaction_id)


def test_raised_limits_add_up_by_manager_and_by_account(
    account: Account, other: Account, boss: User
) -> None:
    raise_limit(account, boss, 6_000)
    with pytest.raises(NeedsApproval):
        raise_limit(other, boss, 6_000)
    with pytest.raises(NeedsApproval):
        raise_limit(account, colleague(MANAGER, "Second boss"), 12_000)
    raise_limit(other, colleague(MANAGER, "Third boss"), 6_000)


# Requests by raw SQL


INSERT_REQUEST = """
    INSERT INTO approval_requests (id, kind, transaction_id, to_account_id, amount, currency,
        parameters, reason, requested_by_id, requested_at, expires_at, status, decided_by_id,
        decided_at, note, used_amount, used_at)
    VALUES (gen_random_uuid(), 'deposit', gen_random_uuid(), %(account)s, 20000, 'USD', '{}', 'x',
        %(clerk)s, now() - %(ago)s::interval, now() + %(later)s::interval, %(status)s, %(boss)s,
        CASE WHEN %(boss)s IS NOT NULL THEN now() END, '', %(used)s,
        CASE WHEN %(used)s > 0 THEN now() END)
"""


def insert_request(account: Account, clerk: User, **values: Any) -> None:
    given = {"ago": "0 days", "later": "2 days", "status": "pending", "boss": None, "used": 0}
    values = {**given, "account": account.pk, "clerk": clerk.pk, **values}
    with as_web(clerk), connection.cursor() as cursor:
        cursor.execute(INSERT_REQUEST.strip(), values)


@pytest.mark.parametrize("begin", ["approved", "declined", "done", "used"])
def test_a_request_begins_undecided(begin: str, account: Account, clerk: User, boss: User) -> None:
    values: dict[str, Any] = {"status": begin, "boss": boss.pk, "used": 20_000}
    if begin in ("approved", "declined"):
        values["used"] = 0
    elif begin == "used":
        values = {"used": 20_000}
    with pytest.raises(IntegrityError) as refused:
        insert_request(account, clerk, **values)
    assert constraint_of(refused.value) == "request_begins_pending"


def test_the_times_of_a_request_are_those_of_the_server(account: Account, clerk: User) -> None:
    with pytest.raises(IntegrityError) as refused:
        insert_request(account, clerk, ago="9 years", later="99 years")
    assert constraint_of(refused.value) == "approval_expires"
    insert_request(account, clerk, ago="9 days", later="2 days")
    request = ApprovalRequest.objects.get()
    assert abs(request.requested_at - timezone.now()) < timedelta(minutes=5)
    assert request.expires_at - request.requested_at <= timedelta(days=11, seconds=1)


def test_a_web_process_marks_nothing_as_done(account: Account, clerk: User, boss: User) -> None:
    draft = Draft(id=uuid7(), to_account=account, amount=MUCH, created_by=clerk)
    with as_web(clerk):
        request = ask_for(services.preview(draft), reason="x", asked_by=clerk)
    approved(request, boss)
    with pytest.raises(IntegrityError) as refused, as_web(), connection.cursor() as cursor:
        cursor.execute("UPDATE approval_requests SET status = 'done'")
    assert constraint_of(refused.value) == "request_used_by_rows"


def test_the_time_of_a_change_of_status_is_that_of_the_server(account: Account, boss: User) -> None:
    with as_web(boss), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO account_status_changes (id, account_id, from_status, to_status, reason,"
            " message, created_at, changed_by_id) VALUES (gen_random_uuid(), %s, 'active',"
            " 'frozen', 'x', '', now() - interval '1 year', %s)",
            [account.pk, boss.pk],
        )
    assert abs(account.status_changes.get().created_at - timezone.now()) < timedelta(minutes=5)


def test_more_than_was_approved_of_a_file_is_not_paid(
    account: Account, other: Account, clerk: User, boss: User
) -> None:
    """Tests a request whose amount is lower than the sum of the file. The database would refuse
    such a request, so its triggers are disabled here.
    """
    file = checked(account, pay(other, 14_000), pay(other, 16_000), created_by=clerk)
    with as_web(clerk):
        request = ask_for_file(file, reason="Letter", asked_by=clerk)
    with walls_down("approval_requests") as cursor:
        cursor.execute("UPDATE approval_requests SET amount = 20000")
    approved(request, boss)
    first, second = PaymentLine.objects.of(file).in_order()
    sides: dict[str, Any] = {"from_account": account, "to_account": other, "created_by": clerk}
    with as_web():
        services.transfer(id=first.pk, amount=Decimal(14_000), **sides)
        with pytest.raises(NeedsApproval):
            services.transfer(id=second.pk, amount=Decimal(16_000), **sides)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("approved", 14_000)


# The sums of a day


@pytest.mark.parametrize(("sql", "rule"), [
    ("UPDATE staff_sums SET share = share / 2", "sum_only_grows"),
    ("UPDATE staff_sums SET key = key || ' of another'", "sum_only_grows"),
    ("DELETE FROM staff_sums", "sum_stays"),
    ("TRUNCATE staff_sums", "sums_stay"),
])  # fmt: skip
def test_not_even_the_owner_lowers_a_sum(sql: str, rule: str, account: Account, boss: User) -> None:
    raise_limit(account, boss, 6_000)
    assert refused_by(sql) == rule
    assert {sum.share for sum in StaffSum.objects.all()} == {Decimal("0.6")}


@pytest.mark.own_session
@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])  # one of the rows has another date
def test_the_day_of_the_sums_is_that_of_utc_in_every_session(
    zone: str, account: Account, boss: User
) -> None:
    days = {timezone.now().astimezone(UTC).date().isoformat()}
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [zone])
        try:
            raise_limit(account, boss, 6_000)
        finally:
            cursor.execute("SET TimeZone = 'UTC'")
    days.add(timezone.now().astimezone(UTC).date().isoformat())
    assert {sum.key.split()[0] for sum in StaffSum.objects.all()} <= days


@pytest.mark.parametrize("moment", ["2026-03-29 00:00:00", "2026-03-29 23:59:59.999999"])
def test_a_day_of_the_sums_begins_and_ends_at_midnight_of_utc(moment: str) -> None:
    day = TODAY.replace("clock_timestamp()", f"timestamptz '{moment}+00'")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ({day})::text")
        assert cursor.fetchone() == ("2026-03-29",)


# Decisions by raw SQL


@pytest.mark.parametrize("status", ["approved", "declined"])
def test_nobody_decides_after_the_time_to_decide(
    status: str, account: Account, clerk: User, boss: User
) -> None:
    draft = Draft(id=uuid7(), to_account=account, amount=MUCH, created_by=clerk)
    with as_web(clerk):
        request = ask_for(services.preview(draft), reason="x", asked_by=clerk)
    expire(request)
    decide = (
        "UPDATE approval_requests SET status = %s, decided_by_id = %s, decided_at = now()"
        " WHERE id = %s"
    )
    with pytest.raises(IntegrityError) as refused, as_web(), connection.cursor() as cursor:
        cursor.execute(decide, [status, boss.pk, request.pk])
    assert constraint_of(refused.value) == "request_not_expired"
    assert not Transaction.objects.filter(pk=draft.id).exists()
