"""Each approval rule that only a trigger enforces, tested with raw SQL and the rights of a web
process.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection
from django.db import transaction as db_transaction
from django.utils import timezone

from accounts.exceptions import NeedsApproval, ServesOwn
from accounts.groups import MANAGER
from accounts.models import Account, ApprovalRequest, LimitChange, StaffSum, User
from tests.attacks.approvals import approved, as_web, asked, asked_limits, change_limits, deposit
from tests.conftest import colleague
from tests.factories import balances
from tests.refusals import constraint_of, refused_by
from transactions import services, staff_services
from transactions.models import StaffReason
from transactions.services import Draft

pytestmark = pytest.mark.django_db(transaction=True)

DECIDE = """UPDATE approval_requests SET status = %s, decided_by_id = %s, decided_at = %s
    WHERE id = %s"""
LONG_AGO = "2001-01-01T00:00:00Z"
HOUR = timedelta(hours=1)


def refused_to_web(sql: str, *values: Any) -> str | None:
    with as_web():
        return refused_by(sql, *values)


# Rows without approval


@pytest.mark.parametrize("kind", ["capture", "refund", "hold"])
def test_what_staff_alone_do_counts_as_theirs_in_the_name_of_the_payer_too(
    kind: str, account: Account, other: Account
) -> None:
    """Only the holder of an account sends money. Holds, captures and refunds are always from
    staff.
    """
    sides: dict[str, Any] = {"from_account": account, "to_account": other, "amount": Decimal(5)}
    more: dict[str, Any] = {"pending": True}
    if kind == "capture":
        more = {"captures": services.hold(**sides)}
    elif kind == "refund":
        before = {**sides, "from_account": other, "to_account": account}
        more = {"reverses": services.transfer(**before)}
    with pytest.raises(ServesOwn), as_web():
        services.book(Draft(created_by=account.user, **sides, **more))
    with as_web():
        services.book(Draft(created_by=account.user, **sides))


def test_a_deposit_in_the_same_statement_as_a_payment_of_a_customer_counts(
    account: Account, other: Account
) -> None:
    """The trigger must check both rows. The first row would need no approval, because it is a
    payment of its holder.
    """
    moment = timezone.now()
    later = moment + timedelta(milliseconds=5)
    by = account.user_id
    rows = [
        (uuid4(), account.pk, other.pk, 1, "transfer", moment, by, 49_999, 50_001),
        (uuid4(), None, other.pk, 10**9, "deposit", later, by, None, 10**9 + 50_001),
    ]
    one = "(%s, %s, %s, %s, %s, %s, %s, %s, %s, 'USD', 'completed', '', '', '{}', current_date)"
    sql = f"""INSERT INTO transactions (id, from_account_id, to_account_id, amount, type,
        created_at, created_by_id, from_balance, to_balance, currency, status, description,
        reference, metadata, value_date) VALUES {one}, {one}"""
    refusal = pytest.raises(DatabaseError)
    with refusal as refused, as_web(), db_transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in row])
    assert constraint_of(refused.value) == "needs_approval"
    assert balances(account, other) == [50_000, 50_000]


def test_an_approval_is_not_used_for_less(account: Account, clerk: User, boss: User) -> None:
    request = approved(asked(account, clerk), boss)
    with pytest.raises(NeedsApproval):
        deposit(account, clerk, "19999.99", id=request.transaction_id)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("approved", 0)


def test_a_clerk_who_left_has_no_sum_of_their_own(account: Account, clerk: User) -> None:
    User.objects.filter(pk=clerk.pk).update(deleted_at=timezone.now())
    deposit(account, clerk, 1)
    keys = StaffSum.objects.filter(key__contains=" clerk ").values_list("key", flat=True)
    assert [key.rsplit(" ", 1)[1] for key in keys] == ["00000000-0000-0000-0000-000000000000"]


# The person who makes a request


INSERT_REQUEST = """
    INSERT INTO approval_requests (id, kind, transaction_id, to_account_id, amount, currency,
        parameters, reason, requested_by_id, requested_at, expires_at, status, note, used_amount)
    VALUES (gen_random_uuid(), 'deposit', gen_random_uuid(), %s, 20000, 'USD', '{}', 'x', %s,
        now() + %s * interval '1 hour', now() + %s * interval '1 hour', 'pending', '', 0)
"""


def test_a_request_of_the_future_waits_no_longer_than_it_says(
    account: Account, clerk: User
) -> None:
    with as_web(clerk), connection.cursor() as cursor:
        cursor.execute(INSERT_REQUEST.strip(), [account.pk, clerk.pk, 100, 102])
    request = ApprovalRequest.objects.get()
    assert request.expires_at - request.requested_at <= 2 * HOUR
    assert abs(request.expires_at - 2 * HOUR - timezone.now()) < HOUR


# The person who decides, and the time


def test_the_time_of_a_decision_is_that_of_the_server(
    account: Account, clerk: User, boss: User
) -> None:
    request = asked(account, clerk)
    with as_web(boss), connection.cursor() as cursor:
        cursor.execute(DECIDE, ["approved", boss.pk, LONG_AGO, request.pk])
    request.refresh_from_db()
    assert request.decided_at is not None
    assert abs(request.decided_at - timezone.now()) < HOUR


@pytest.mark.parametrize("used", ["used_amount = 1", "used_at = now()"])
def test_a_decision_uses_nothing_not_even_by_the_owner(
    used: str, account: Account, clerk: User, boss: User
) -> None:
    asked(account, clerk)
    sql = DECIDE.replace("status = %s", f"{used}, status = %s").partition("WHERE")[0]
    refusal = refused_by(sql, "approved", boss.pk, timezone.now())
    assert refusal == "request_changes_by_decision"


# Limits


@pytest.mark.parametrize("limit", ["overdraft_limit", "transfer_limit", "daily_limit"])
def test_approved_limits_begin_from_the_values_that_they_had(
    limit: str, account: Account, boss: User
) -> None:
    """Tests a colleague who has changed the limit since the request: the approved increase would be
    different.
    """
    change_limits(account, boss, **{limit: Decimal(5_000)})
    wanted = approved(
        asked_limits(account, boss, **{limit: Decimal(60_000)}), colleague(MANAGER, "Second boss")
    )
    change_limits(account, boss, **{limit: Decimal(10)})
    with pytest.raises(NeedsApproval):
        change_limits(account, boss, **{limit: Decimal(60_000)}, id=wanted.transaction_id)


def test_the_time_of_a_change_of_limits_is_that_of_the_server(account: Account, boss: User) -> None:
    with as_web(boss), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO limit_changes (id, account_id, overdraft_limit, reason, changed_by_id,"
            " created_at) VALUES (gen_random_uuid(), %s, 1, 'x', %s, %s)",
            [account.pk, boss.pk, LONG_AGO],
        )
    assert abs(LimitChange.objects.get().created_at - timezone.now()) < HOUR


# Holds


def test_the_reason_of_placing_a_hold_does_not_release_it(account: Account, clerk: User) -> None:
    draft = Draft(from_account=account, amount=Decimal(5), created_by=clerk, pending=True)
    with as_web(clerk):
        hold = staff_services.book(
            draft, action=StaffReason.Action.HOLD, reason="Rented car", written_by=clerk
        )
    sql = "UPDATE transactions SET status = 'voided' WHERE id = %s"
    assert refused_to_web(sql, hold.pk) == "released_hold_has_reason"
    with as_web(clerk):
        assert staff_services.release(hold=hold, reason="Returned", written_by=clerk)
