"""What a broken audit found stays in front until a later audit has looked at it again."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from tests.factories import AccountFactory, walls_down
from tests.pages import lacks, text_of, texts_of
from tests.transactions.audit.sealed_books import as_owner, day, march
from transactions import services
from transactions.annotations.services import annotate
from transactions.audit.open_findings import counting_run
from transactions.audit.runs import run_audit
from transactions.audit.sealing import midnight, seal
from transactions.models import AuditRun, Transaction

pytestmark = pytest.mark.django_db
PAGE = reverse("admin:transactions_auditrun_changelist")
RUN = reverse("admin:transactions_auditrun_run")
A_DAY = timedelta(days=1)


@pytest.fixture
def account() -> Account:
    """Ten days ago 10.00 came in, and 5.00 just now."""
    account: Account = AccountFactory()
    moment = timezone.now() - 10 * A_DAY
    services.book(services.Draft(to_account=account, amount=10, created_at=moment))
    services.deposit(to_account=account, amount=Decimal(5))
    return account


def spoil(row: Transaction) -> None:
    """Makes a row the reversal of itself, which breaks that one rule; `mend` takes it back."""
    as_owner("UPDATE transactions SET reverses_id = id WHERE id = %s", row.pk)


def mend(row: Transaction) -> None:
    as_owner("UPDATE transactions SET reverses_id = NULL WHERE id = %s", row.pk)


def run(since: Any = None) -> AuditRun:
    return run_audit(since=since)[0]


def rows(account: Account) -> list[Transaction]:
    return list(account.received.order_by("created_at"))


def test_a_clean_look_at_the_last_days_does_not_hide_what_is_broken_before(
    staff: Client, account: Account
) -> None:
    spoil(rows(account)[0])
    broken = run()
    answer = staff.post(RUN, {"scope": "7"})
    (told,) = get_messages(answer.wsgi_request)
    assert "its findings are still open" in str(told)
    assert AuditRun.objects.first() != broken
    assert AuditRun.objects.first().is_clean  # type: ignore[union-attr]
    page = staff.get(PAGE)
    assert page.context["run"] == broken
    (verdict,) = texts_of(page, "audit__result--broken")
    assert "1 problem" in verdict
    (later,) = texts_of(page, "audit__later")
    assert not lacks(later, "found no problems", "until a complete audit")
    assert page.context["newest_run"] == AuditRun.objects.first()


def test_the_partial_run_is_shown_as_what_it_is_and_leads_to_the_one_that_counts(
    staff: Client, account: Account
) -> None:
    spoil(rows(account)[0])
    run()
    partial = run(timezone.now() - A_DAY)
    page = staff.get(PAGE, {"run": str(partial.pk)})
    assert "bookings since" in texts_of(page, "audit__result")[0]
    (apart,) = texts_of(page, "audit__apart")
    assert not lacks(apart, "This is not the current result", "1 problem")
    assert page.context["counting_run"] == AuditRun.objects.last()


def test_a_clean_whole_run_ends_it(staff: Client, account: Account) -> None:
    spoil(rows(account)[0])
    broken = run()
    mend(rows(account)[0])
    clean = run()
    assert counting_run() == clean
    assert "The books are clean." in text_of(staff.get(PAGE))
    (apart,) = texts_of(staff.get(PAGE, {"run": str(broken.pk)}), "audit__apart")
    assert not lacks(apart, "an earlier audit", "is clean")


def test_a_clean_run_of_some_days_ends_it_where_it_looked_at_the_finding(account: Account) -> None:
    old, new = rows(account)
    spoil(new)
    broken = run()
    mend(new)
    run(new.created_at + timedelta(microseconds=1))
    assert counting_run() == broken
    clean = run(new.created_at)
    assert counting_run() == clean
    assert old.created_at < new.created_at


def test_of_several_of_a_kind_the_others_may_be_older(account: Account) -> None:
    for row in rows(account):
        spoil(row)
    broken = run()
    (finding,) = broken.found
    assert finding["broken"] == 2
    for row in rows(account):
        mend(row)
    run(rows(account)[0].created_at)
    assert counting_run() == broken, "a third, before that time, might be among them"


@pytest.mark.parametrize("change", ["balance = balance + 1", "last_entry_at = NULL", "held = 1"])
def test_what_is_always_checked_whole_is_ended_by_any_clean_run(
    change: str, account: Account
) -> None:
    as_owner(f"UPDATE accounts SET {change} WHERE id = %s", account.pk, table="accounts")
    broken = run()
    assert counting_run() == broken
    as_owner(
        "UPDATE accounts SET balance = 15, held = 0, last_entry_at = %s WHERE id = %s",
        rows(account)[1].created_at, account.pk, table="accounts",
    )  # fmt: skip
    clean = run(timezone.now())
    assert clean.is_clean
    assert counting_run() == clean


def test_a_row_that_is_gone_is_looked_at_again_only_by_a_whole_run(account: Account) -> None:
    new = rows(account)[1]
    spoil(new)
    broken = run()
    as_owner("DELETE FROM transactions WHERE id = %s", new.pk)
    as_owner(
        "UPDATE accounts SET balance = 10, last_entry_at = %s WHERE id = %s",
        rows(account)[0].created_at, account.pk, table="accounts",
    )  # fmt: skip
    assert run(new.created_at).is_clean
    assert counting_run() == broken


@pytest.mark.parametrize(("since", "ends"), [(day(3), True), (day(4), False)])
def test_a_broken_seal_is_looked_at_again_from_its_first_day_on(since: Any, ends: bool) -> None:
    _, booked = march()
    seal(until=day(3))
    seal(until=day(5))
    as_owner("UPDATE transactions SET reference = 'x' WHERE id = %s", booked[4].pk)
    broken = run()
    as_owner("UPDATE transactions SET reference = '' WHERE id = %s", booked[4].pk)
    clean = run(midnight(since))
    assert counting_run() == (clean if ends else broken)


def test_a_broken_run_of_many_days_stands_over_a_clean_one_of_few(account: Account) -> None:
    spoil(rows(account)[0])
    run(timezone.now() - 20 * A_DAY)
    broken = AuditRun.objects.get()
    run(timezone.now() - A_DAY)
    assert counting_run() == broken
    mend(rows(account)[0])
    clean = run(timezone.now() - 15 * A_DAY)
    assert counting_run() == clean


def test_where_nothing_is_wrong_the_newest_whole_run_is_shown(account: Account) -> None:
    some_days = run(timezone.now() - A_DAY)
    assert counting_run() == some_days
    run()
    newest = run()
    run(timezone.now() - A_DAY)
    assert counting_run() == newest


def test_a_row_that_was_moved_to_a_later_payment_stays_a_finding() -> None:
    """A later audit reads it by when it was written, not by the payment that it names now."""
    account = AccountFactory(balance=100)
    old = services.deposit(to_account=account, amount=Decimal(10))
    annotate(transaction=old, owner=account.user, text="Lunch")
    since = timezone.now()
    new = services.deposit(to_account=account, amount=Decimal(10))
    with walls_down("annotations") as cursor:
        cursor.execute("UPDATE annotations SET transaction_id = %s", [new.pk])
    run, _ = run_audit()
    _, later = run_audit(since=since)
    assert later.clean
    assert counting_run() == run
