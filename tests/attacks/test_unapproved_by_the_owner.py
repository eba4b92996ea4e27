"""Rows of staff that the owner of the tables wrote without the required approval: the audit finds
these rows.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from accounts import approvals
from accounts import services as account_services
from accounts.models import Account, ApprovalRequest, Change, LimitChange, User
from ledger.db.ids import uuid7
from tests.conftest import colleague, set_role
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.refusals import refused_by
from tests.transactions.audit.breaking import found
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for, do_approved

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory(balance="50000")
    return account


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the clock to noon, so that the rows of a test count as one day even near midnight."""
    monkeypatch.setattr("transactions.audit.checks.approvals.CLOCKS_DIFFER_BY", timedelta(0))


@contextmanager
def thresholds_from(change: Decimal | str) -> Iterator[None]:
    """Runs the `with` block with other thresholds: a statement, or an amount for all currencies."""
    sql = change if isinstance(change, str) else "UPDATE approval_thresholds SET amount = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, None if isinstance(change, str) else [change])
    try:
        yield
    finally:
        approvals.write_thresholds()


def by_owner(account: Account, clerk: User, amount: Any, **more: Any) -> Transaction:
    """Inserts a deposit in the name of a clerk that counts in no sum, and returns it."""
    return services.deposit(to_account=account, amount=Decimal(amount), created_by=clerk, **more)


def approved(account: Account, clerk: User, boss: User, **more: Any) -> ApprovalRequest:
    sides = more if "from_account" in more else {"to_account": account}
    draft = Draft(id=uuid7(), amount=Decimal(20_000), created_by=clerk, **sides)
    request = ask_for(services.preview(draft), reason="Sold a house", asked_by=clerk)
    return approvals.approve(request=request, by=boss)


def done_by_web(request: ApprovalRequest) -> None:
    set_role("ledger_web")
    try:
        do_approved(request, by=request.requested_by)
    finally:
        set_role(None)


def test_the_first_row_of_a_clerk_above_the_threshold_is_found(account: Account) -> None:
    clerk = colleague("operations", "Rae")
    by_owner(account, clerk, 9_000)
    first = by_owner(AccountFactory(), clerk, 1_001)
    by_owner(AccountFactory(), clerk, 30_000)
    finding = found("threshold")
    assert (finding.transaction, finding.broken) == (str(first.pk), 2)
    assert "1,001.00" in finding.sentence
    assert "by Rae" in finding.sentence


def test_several_clerks_above_the_threshold_on_one_account_are_found(account: Account) -> None:
    by_owner(account, colleague("operations", "One"), 6_000)
    second = by_owner(account, colleague("operations", "Two"), 6_000)
    finding = found("threshold")
    assert (finding.transaction, finding.account) == (str(second.pk), str(account.pk))


@pytest.mark.parametrize("what", ["money", "limits"])
def test_what_was_written_in_the_name_of_a_former_clerk_is_found(
    what: str, account: Account, boss: User
) -> None:
    if what == "money":
        by_owner(account, boss, 20_000)
    else:
        account_services.change_account(
            account=account, overdraft_limit=Decimal(20_000), changed_by=boss
        )
    User.objects.filter(pk=boss.pk).update(is_staff=False)
    assert found("threshold").account == str(account.pk)


@pytest.mark.parametrize(("amount", "is_found"), [(10_000, False), (10_001, True)])
def test_a_row_near_midnight_is_found_if_it_is_above_the_threshold_by_itself(
    amount: int, is_found: bool, account: Account, clerk: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deposits of 10,000 may belong to two days, but one deposit above 10,000 is above the
    threshold on any day.
    """
    monkeypatch.setattr(
        "transactions.audit.checks.approvals.CLOCKS_DIFFER_BY", timedelta(minutes=5)
    )
    rows = [by_owner(account, clerk, 10_000), by_owner(account, clerk, amount)]
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    moments = [midnight + timedelta(minutes=place) for place in (-1, 1)]
    with walls_down("transactions") as cursor:
        for row, moment in zip(rows, moments, strict=True):
            cursor.execute(
                "UPDATE transactions SET created_at = %s WHERE id = %s", [moment, row.pk]
            )
    with walls_down("changes") as cursor:
        cursor.execute(
            "UPDATE changes SET changed_at = changed_at - interval '9 days'"
            " WHERE table_name = 'approval_thresholds'"
        )
    sentences = [finding.sentence for finding in audit().findings if finding.check == "threshold"]
    assert [str(rows[1].pk) in sentence for sentence in sentences] == ([True] if is_found else [])


def test_a_row_that_names_a_clerk_later_is_found(account: Account, clerk: User) -> None:
    row = services.deposit(to_account=account, amount=Decimal(20_000))
    assert audit().clean
    with walls_down("transactions") as cursor:
        cursor.execute("UPDATE transactions SET created_by_id = %s WHERE id = %s",
                       [clerk.pk, row.pk])  # fmt: skip
    finding = found("threshold")
    assert (finding.account, finding.transaction) == (str(account.pk), str(row.pk))


def test_what_nobody_needs_to_approve_is_clean(account: Account, clerk: User) -> None:
    """Commands and imports have no clerk, customers pay for themselves, and staff pay from their
    own accounts.
    """
    own = AccountFactory(user=clerk, balance="90000")
    by_owner(account, clerk, 10_000)
    services.deposit(to_account=account, amount=Decimal(90_000), created_by=UserFactory())
    for payer in (own, account):
        services.transfer(
            from_account=payer, to_account=AccountFactory(), amount=Decimal(40_000),
            created_by=payer.user,
        )  # fmt: skip
    assert audit().clean


def test_rows_before_the_threshold_of_today_are_clean(account: Account, clerk: User) -> None:
    with thresholds_from(Decimal(20_000)):
        by_owner(account, clerk, 20_000)
    assert audit().clean
    by_owner(AccountFactory(), colleague("operations", "Rae"), 10_001)
    assert found("threshold").broken == 1


@pytest.mark.parametrize("statement", [
    "UPDATE approval_thresholds SET amount = 1000000000000",
    "UPDATE approval_thresholds SET currency = 'XTS' WHERE currency = '*'",
    "UPDATE approval_thresholds SET amount = amount + 1",
    "DELETE FROM approval_thresholds",
    "DELETE FROM approval_thresholds; INSERT INTO approval_thresholds VALUES ('*', 1000000000000)",
])  # fmt: skip
def test_no_later_threshold_covers_what_was_done_before_it(
    statement: str, account: Account, clerk: User
) -> None:
    row = by_owner(account, clerk, 20_000)
    with thresholds_from(statement):
        assert found("threshold").transaction == str(row.pk)
    assert found("threshold").transaction == str(row.pk)
    assert Change.objects.filter(table_name="approval_thresholds").exclude(action="noted").exists()


def test_the_owner_does_not_rewrite_the_history_of_thresholds(account: Account) -> None:
    for sql in ("UPDATE changes SET changed_at = now()", "DELETE FROM changes"):
        assert refused_by(f"{sql} WHERE table_name = 'approval_thresholds'") == "change_stays"


def test_a_threshold_that_changed_unseen_is_found(account: Account) -> None:
    for more in (7, -7):
        with walls_down("approval_thresholds") as cursor:
            cursor.execute(
                "UPDATE approval_thresholds SET amount = amount + %s WHERE currency = '*'", [more]
            )
        findings = [finding.check for finding in audit().findings]
        assert findings == (["threshold of approvals"] if more > 0 else [])


def test_approved_rows_are_clean_also_when_their_hold_has_ended(
    account: Account, clerk: User, boss: User
) -> None:
    done_by_web(approved(account, clerk, boss))
    held = approved(account, clerk, boss, from_account=account, pending=True)
    done_by_web(held)
    services.capture(hold=Transaction.objects.get(pk=held.transaction_id))
    assert audit().clean


@pytest.mark.parametrize("change", ["amount = 21000", "description = 'Other'"])
def test_a_row_unlike_its_approval_is_found(
    change: str, account: Account, clerk: User, boss: User
) -> None:
    request = approved(account, clerk, boss)
    done_by_web(request)
    with walls_down("transactions") as cursor:
        cursor.execute(f"UPDATE transactions SET {change} WHERE id = %s", [request.transaction_id])
    for check in ("approval", "threshold"):
        finding = found(check)
        assert (finding.account, finding.transaction) == (
            str(account.pk), str(request.transaction_id),
        )  # fmt: skip


def test_an_approval_that_is_marked_as_used_for_nothing_is_found(
    account: Account, clerk: User, boss: User
) -> None:
    request = approved(account, clerk, boss)
    with walls_down("approval_requests") as cursor:
        cursor.execute("UPDATE approval_requests SET status = 'done', used_at = now(),"
                       " used_amount = amount")  # fmt: skip
    finding = found("approval")
    assert (finding.account, finding.transaction) == (str(account.pk), str(request.transaction_id))
    edited = found("altered row")
    assert (edited.account, edited.found) == (str(account.pk), f"approval_requests: {request.pk}")


def test_limits_raised_above_the_threshold_are_found(account: Account, boss: User) -> None:
    raised = account_services.change_account(
        account=account, overdraft_limit=Decimal(20_000), changed_by=boss, reason="x"
    )
    finding = found("threshold")
    assert (finding.account, finding.transaction) == (str(raised.pk), None)
    assert str(LimitChange.objects.get().pk) in finding.sentence


def test_only_the_days_asked_for_are_compared(account: Account, clerk: User) -> None:
    row = by_owner(account, clerk, 20_000)
    assert not audit(since=row.created_at).clean
