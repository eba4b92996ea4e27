"""The rules about approval under parallel requests: of clerks, of managers, and of people who do
what was approved.
"""

import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from accounts.exceptions import LedgerError, NeedsApproval, RequestDecided
from accounts.groups import MANAGER, OPERATIONS
from accounts.models import Account, ApprovalRequest, LimitChange, User
from ledger.db.ids import uuid7
from tests.attacks.approvals import (
    approved,
    as_web,
    asked,
    asked_limits,
    change_limits,
    done,
)
from tests.attacks.waiting import after_waiting_for
from tests.conftest import colleague
from tests.factories import AccountFactory, balances
from tests.refusals import constraint_of
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import do_approved

pytestmark = pytest.mark.django_db(transaction=True)


def together(many: int, work: Callable[[int], Any]) -> list[Any]:
    """Runs `work` in parallel threads, each with the rights of a web process, and returns the
    results.
    """
    results: list[Any] = [None] * many
    barrier = threading.Barrier(many, timeout=60)

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


def test_of_fifty_approvals_at_once_one_counts_and_the_money_moves_once(
    account: Account, clerk: User
) -> None:
    bosses = [colleague(MANAGER, f"Boss {n}") for n in range(5)]
    request = asked(account, clerk)

    def approve_and_do(place: int) -> str:
        by = bosses[place % 5]
        return done(approved(request, by), by=by)

    results = together(50, approve_and_do)
    assert sum(isinstance(result, str) for result in results) == 1
    assert balances(account) == [70_000]


def test_of_fifty_who_do_what_is_approved_the_money_moves_once(
    account: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(account, clerk), boss)
    together(50, lambda _place: do_approved(request, by=clerk))
    assert balances(account) == [70_000]
    assert audit().clean


def insert_request(account: Account, boss: User) -> None:
    """Inserts a request for limits that the service has not committed yet."""
    limits = {"overdraft_limit": "60000", "before": {"overdraft_limit": "0"}}
    ApprovalRequest.objects.create(
        kind=ApprovalRequest.Kind.LIMITS, transaction_id=uuid7(), from_account=account,
        amount=60_000, currency="USD", parameters=limits, reason="A bridge loan",
        requested_by=boss, expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip


def test_a_second_request_for_limits_waits_for_the_first_and_is_refused(
    account: Account, boss: User
) -> None:
    result = after_waiting_for(
        lambda: insert_request(account, boss),
        lambda: asked_limits(account, boss, overdraft_limit=Decimal(60_000)),
    )
    assert isinstance(result, RequestDecided)
    assert ApprovalRequest.objects.count() == 1


def insert_limit(account: Account, boss: User, limit: int) -> None:
    """Sets the limit by inserting only a row, without the service, which would also lock the
    account.
    """
    LimitChange.objects.create(account=account, overdraft_limit=limit, changed_by=boss)


def test_a_second_change_of_limits_waits_for_the_first_and_begins_from_its_limits(
    account: Account, boss: User
) -> None:
    def second() -> None:
        with as_web(boss):
            insert_limit(account, boss, 9_000)

    change_limits(account, boss, overdraft_limit=Decimal(1_000))
    after_waiting_for(lambda: insert_limit(account, boss, 5_000), second)
    befores = account.limit_changes.values_list("overdraft_limit_before", "overdraft_limit")
    assert set(befores) == {(0, 1_000), (1_000, 5_000), (5_000, 9_000)}


def refund_by_sql(original: Transaction, times: int) -> None:
    """Refunds a whole payment by a row whose balances are correct after this number of refunds."""
    moved = times * original.amount
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transactions (id, from_account_id, to_account_id, amount, currency, type,"
            " status, description, reference, metadata, created_at, value_date, from_balance,"
            " to_balance, reverses_id) VALUES (gen_random_uuid(), %s, %s, %s, 'USD', 'transfer',"
            " 'completed', '', '', '{}', clock_timestamp(), current_date, %s, %s, %s)",
            [
                original.to_account_id, original.from_account_id, original.amount,
                Decimal(original.to_balance or 0) - moved,
                Decimal(original.from_balance or 0) + moved, original.pk,
            ],
        )  # fmt: skip


def test_a_second_refund_by_sql_waits_for_the_first_and_is_refused(
    account: Account, other: Account
) -> None:
    """After the first refund is committed, the balances of the second are correct, and only the sum
    of refunds is wrong.
    """
    paid = services.transfer(from_account=other, to_account=account, amount=Decimal(100))

    def second() -> str | None:
        with pytest.raises(IntegrityError) as refusal:
            refund_by_sql(paid, 2)
        return constraint_of(refusal.value)

    refused = after_waiting_for(lambda: refund_by_sql(paid, 1), second)
    assert refused == "reversal_within_original"
    assert balances(account, other) == [50_000, 50_000]
