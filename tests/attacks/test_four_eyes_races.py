"""Four eyes against many at once: clerks, managers, and who does what is approved."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from accounts import approvals
from accounts.exceptions import (
    LedgerError,
    NeedsApproval,
)
from accounts.groups import MANAGER, OPERATIONS
from accounts.models import Account, User
from tests.attacks.approvals import (
    approved,
    as_web,
    asked,
)
from tests.conftest import colleague
from tests.factories import AccountFactory, balances
from transactions import services
from transactions.audit.audit import audit
from transactions.services import Draft
from transactions.staff.approvals.requests import do_approved

pytestmark = pytest.mark.django_db(transaction=True)


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
