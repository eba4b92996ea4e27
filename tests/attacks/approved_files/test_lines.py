"""An approval is for the lines that could be paid at the time of the request, and for no other
lines.
"""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client

from accounts import approvals
from accounts.exceptions import NeedsApproval, RequestDecided
from accounts.models import Account, ApprovalPayment, ApprovalRequest, StaffSum, User
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from ledger.db.ids import uuid7
from tests.attacks.approvals import PAGE, approved, as_web
from tests.attacks.approvals import asked_for_file as asked
from tests.attacks.approved_files.steps import paid
from tests.banking.payment_files.files import checked, fates, pay, press
from tests.banking.payment_files.shared import BASE, WHY
from tests.factories import AccountFactory, balances, walls_down
from tests.pages import text_of
from tests.refusals import constraint_of
from tests.transactions.audit.breaking import found
from transactions import services
from transactions.audit.audit import audit

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def eve() -> Account:
    account: Account = AccountFactory(user__name="Eve Adler")
    return account


@pytest.fixture
def swapping(firm: Account, mara: Account, eve: Account, clerk: User) -> PaymentFile:
    """A file with 85,000 for Mara and 80,000 for Eve. The account does not have enough money for
    both lines.
    """
    file = checked(firm, pay(mara, 85_000), pay(eve, 80_000), created_by=clerk)
    assert fates(file)[0] == "waiting" != fates(file)[1]
    return file


def hold_back(firm: Account) -> None:
    """Holds an amount on the account, so that 80,000 of the file can be paid, but not 85,000."""
    services.hold(from_account=firm, amount=Decimal(6_000))


CLEARED = "UPDATE payment_lines SET verdict = '' WHERE number = 3"


@pytest.mark.parametrize("by_sql", [False, True])
def test_a_line_that_was_refused_when_it_was_asked_is_not_paid_by_the_approval(
    by_sql: bool, swapping: PaymentFile, firm: Account, mara: Account, eve: Account, clerk: User,
    boss: User,
) -> None:  # fmt: skip
    request = approved(asked(swapping, clerk), boss)
    hold_back(firm)
    with as_web():
        check(PaymentFile.objects.get(pk=swapping.pk))
        if by_sql:
            connection.cursor().execute(CLEARED)
    with suppress(NeedsApproval):
        paid(swapping, clerk, book_rest)
    request.refresh_from_db()
    assert (balances(mara, eve), request.used_amount) == ([0, 0], 0)


def test_a_line_that_was_refused_when_it_was_asked_is_not_shown_to_who_approves(
    swapping: PaymentFile, firm: Account, clerk: User, manager: Client
) -> None:
    asked(swapping, clerk)
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    assert "Eve Adler" not in text_of(manager.get(PAGE))


def test_who_approves_is_shown_what_is_asked_for_also_if_it_is_refused_meanwhile(
    swapping: PaymentFile, firm: Account, clerk: User, manager: Client
) -> None:
    asked(swapping, clerk)
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    assert fates(swapping)[0] != "waiting"
    assert "Mara Lindt" in text_of(manager.get(PAGE))


def test_no_line_leaves_a_file_that_somebody_asks_for(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    """Tests that a line cannot be deleted. Otherwise the approver would see only a part of the
    lines that the approval books.
    """
    request = asked(file, clerk)
    delete = "DELETE FROM payment_lines WHERE number = 2"
    with pytest.raises(IntegrityError) as refused, as_web(clerk):
        connection.cursor().execute(delete)
    assert constraint_of(refused.value) == "no_line_leaves_a_request"
    with as_web(clerk):
        approvals.withdraw(request=request, by=clerk)
    with as_web(clerk):
        connection.cursor().execute(delete)
    assert PaymentLine.objects.filter(file=file).count() == 2


def test_a_line_that_was_refused_can_be_asked_for_once_the_request_is_over(
    swapping: PaymentFile, firm: Account, eve: Account, clerk: User, boss: User
) -> None:
    with as_web(clerk):
        approvals.withdraw(request=asked(swapping, clerk), by=clerk)
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    approved(asked(PaymentFile.objects.get(pk=swapping.pk), clerk), boss)
    paid(swapping, clerk, book_rest)
    assert balances(eve) == [80_000]


def test_the_audit_finds_a_line_that_was_not_asked_for(
    swapping: PaymentFile, firm: Account, eve: Account, clerk: User, boss: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("transactions.audit.checks.approvals.CLOCKS_DIFFER_BY", timedelta(0))
    request = approved(asked(swapping, clerk), boss)
    hold_back(firm)
    (line,) = PaymentLine.objects.filter(to_account=eve)
    forged = ApprovalPayment.objects.filter(payment_id=line.pk)
    with walls_down("approval_payments"):
        ApprovalPayment.objects.create(
            id=uuid7(), request=request, payment_id=line.pk, to_account=eve, amount=line.amount
        )
    check(PaymentFile.objects.get(pk=swapping.pk))
    with as_web():
        connection.cursor().execute(CLEARED)
    paid(swapping, clerk, book_rest)
    assert balances(eve) == [80_000]
    with walls_down("approval_payments"):
        forged.delete()
    finding = found("threshold")
    assert (finding.account, finding.transaction) == (str(firm.pk), str(line.pk))


def test_the_audit_finds_a_payment_that_was_added_to_an_approval(
    swapping: PaymentFile, eve: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(swapping, clerk), boss)
    with walls_down("approval_payments"):
        added = ApprovalPayment.objects.create(
            id=uuid7(), request=request, payment_id=uuid7(), to_account=eve, amount=80_000
        )
    finding = found("unregistered row")
    assert (finding.account, finding.found) == (str(eve.pk), f"approval_payments: {added.pk}")


@pytest.mark.parametrize(
    "lie",
    [
        {"amount": 79_999},
        {"parameters": {"lines": 2}},
        {"currency": "EUR"},
        {"from_account": None},
    ],
)
def test_a_request_for_a_file_is_for_all_that_can_be_paid_of_it(
    lie: dict[str, Any], file: PaymentFile, clerk: User
) -> None:
    facts: dict[str, Any] = {
        "kind": ApprovalRequest.Kind.PAYMENT_FILE, "transaction_id": file.pk,
        "from_account": file.from_account, "to_account": None, "amount": Decimal(24_000),
        "currency": file.currency, "parameters": {"lines": 3}, "reason": WHY, "asked_by": clerk,
    }  # fmt: skip
    with pytest.raises(RequestDecided), as_web(clerk):
        approvals.ask(**{**facts, **lie})
    with as_web(clerk):
        approvals.ask(**facts)


def test_the_page_asks_for_the_lines_that_it_showed(
    staff: Client, swapping: PaymentFile, firm: Account
) -> None:
    url = f"{BASE}{swapping.pk}"
    page = staff.get(f"{url}/change/")
    pressed = press(swapping, "ask", reason=WHY, reviewed=page.context["reviewed"])
    hold_back(firm)
    check(PaymentFile.objects.get(pk=swapping.pk))
    answer = staff.post(f"{url}/step/", pressed, follow=True)
    assert "We did not ask for approval" in text_of(answer)
    assert not ApprovalRequest.objects.exists()


def test_a_line_that_the_owner_changed_is_not_paid_by_the_approval(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    """Tests the approved payments without the triggers of the lines."""
    approved(asked(file, clerk), boss)
    assert audit().clean
    with walls_down("payment_lines") as cursor:
        cursor.execute("UPDATE payment_lines SET amount = 10001 WHERE number = 2 RETURNING id")
        ((line,),) = cursor.fetchall()
    finding = found("payment line")
    assert finding.account == str(file.from_account_id)
    assert finding.found == f"other amount: line 2 ({line}) of file {file.pk}"
    check(PaymentFile.objects.get(pk=file.pk))
    with pytest.raises(NeedsApproval):
        paid(file, clerk)
    assert balances(mara) == [0]


def test_what_was_paid_alone_before_leaves_the_rest_to_the_approval(
    firm: Account, mara: Account, clerk: User, boss: User
) -> None:
    """Tests two files of one clerk: 9,000 without approval, then 24,000 with approval. The sum of
    the day stays at 9,000.
    """
    paid(checked(firm, pay(mara, 9_000), created_by=clerk), clerk)
    big = checked(firm, pay(mara, 24_000), name="big.csv", created_by=clerk)
    approved(asked(big, clerk), boss)
    paid(big, clerk)
    assert {share.normalize() for share in StaffSum.objects.values_list("share", flat=True)} == {
        Decimal("0.9")
    }
    assert audit().clean
