"""A customer's payment file above the threshold: approval is requested and given, and the file is
paid once and unchanged.
"""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError, connection
from django.test import Client

from accounts import approvals
from accounts.exceptions import NeedsApproval, RequestDecided
from accounts.groups import OPERATIONS
from accounts.models import Account, ApprovalRequest, StaffSum, User
from banking.payment_files.booking import book_rest, book_whole
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from banking.payment_files.storage import discard, store
from ledger.db.ids import uuid7
from tests.attacks.approvals import ANOTHER_LINE, PAGE, approved, as_web, expire, step
from tests.attacks.approvals import asked_for_file as asked
from tests.attacks.approved_files.steps import paid, press_at
from tests.attacks.waiting import after_waiting_for
from tests.banking.payment_files.files import checked, csv_of, fates, pay
from tests.banking.payment_files.shared import BASE, WHY
from tests.conftest import colleague, signed_in
from tests.factories import AccountFactory, balances
from tests.pages import text_of, texts_of
from transactions.audit.audit import audit
from transactions.exceptions import LedgerError
from transactions.staff.approvals.kinds import shown_as

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("book", [book_whole, book_rest])
def test_a_file_over_the_threshold_is_not_paid_alone(
    book: Any, file: PaymentFile, mara: Account, clerk: User
) -> None:
    with pytest.raises(NeedsApproval):
        paid(file, clerk, book)
    assert balances(mara) == [0]
    assert fates(file) == ["waiting"] * 3
    assert not StaffSum.objects.exists()


@pytest.mark.parametrize("book", [book_whole, book_rest])
def test_an_approved_file_is_paid_once(
    book: Any, file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(file, clerk), boss)
    paid(file, clerk, book)
    paid(file, clerk, book)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("done", 24_000)
    assert balances(mara) == [24_000]
    assert not StaffSum.objects.exists()
    assert audit().clean


def test_the_page_of_an_approved_file_says_who_approved_it_and_has_the_reason(
    file: PaymentFile, clerk: User, boss: User
) -> None:
    page = signed_in(clerk).get(f"{BASE}{file.pk}/change/")
    assert "Approved by" not in text_of(page)
    request = approved(asked(file, clerk), boss)
    page = signed_in(clerk).get(f"{BASE}{file.pk}/change/")
    assert f"Approved by {boss}" in text_of(page)
    assert page.context["form"].initial["reason"] == request.reason


def test_one_payment_has_one_button(firm: Account, mara: Account, clerk: User) -> None:
    single = checked(firm, pay(mara, 10), created_by=clerk)
    page = signed_in(clerk).get(f"{BASE}{single.pk}/change/")
    assert "or none" not in text_of(page)
    assert "that can be booked" not in text_of(page)
    press_at(signed_in(clerk), single, "whole")
    assert balances(mara) == [10]


def test_an_approval_of_one_file_is_for_no_other(
    file: PaymentFile, firm: Account, mara: Account, clerk: User, boss: User
) -> None:
    request = approved(asked(file, clerk), boss)
    same = [pay(mara, 8_000), pay(mara, 7_000), pay(mara, 9_000)]
    other = check(store(csv_of(*same), name="copy.csv", from_account=firm, created_by=clerk))
    with pytest.raises(NeedsApproval):
        paid(other, clerk)
    request.refresh_from_db()
    assert (request.status, request.used_amount) == ("approved", 0)


def test_an_approved_file_is_paid_by_who_asked_alone(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    approved(asked(file, clerk), boss)
    with pytest.raises(NeedsApproval):
        paid(file, colleague(OPERATIONS, "Second"))
    assert balances(mara) == [0]


def test_an_expired_approval_pays_no_file_and_another_is_asked_for(
    file: PaymentFile, mara: Account, clerk: User, boss: User
) -> None:
    late = approved(asked(file, clerk), boss)
    with pytest.raises(RequestDecided):
        asked(file, clerk)
    expire(late)
    with pytest.raises(NeedsApproval):
        paid(file, clerk)
    approved(asked(file, clerk), boss)
    paid(file, clerk)
    assert balances(mara) == [24_000]


@pytest.mark.parametrize("end", ["declined", "withdrawn", "waiting"])
def test_a_file_without_an_approval_is_not_paid(
    end: str, file: PaymentFile, clerk: User, boss: User
) -> None:
    request = asked(file, clerk)
    with as_web(boss if end == "declined" else clerk):
        if end == "declined":
            approvals.decline(request=request, by=boss, note="No letter")
        elif end == "withdrawn":
            approvals.withdraw(request=request, by=clerk)
    with pytest.raises(NeedsApproval):
        paid(file, clerk)


@pytest.mark.parametrize("sql", [
    "UPDATE payment_lines SET amount = amount + 1 WHERE number = 2",
    "UPDATE payment_lines SET to_account_id = %(other)s",
    "UPDATE payment_lines SET file_id = %(file)s",
    "UPDATE payment_lines SET id = gen_random_uuid()",
    "UPDATE payment_lines SET number = number + 100",
    ANOTHER_LINE,
])  # fmt: skip
@pytest.mark.parametrize("is_approved", [False, True])
def test_the_lines_of_a_file_stay_once_it_is_asked_for(
    is_approved: bool, sql: str, file: PaymentFile, firm: Account, mara: Account, clerk: User,
    boss: User,
) -> None:  # fmt: skip
    second = checked(firm, pay(mara, 1), name="second.csv", created_by=clerk)
    request = asked(file, clerk)
    if is_approved:
        approved(request, boss)
    before = list(PaymentLine.objects.of(file).in_order().values())
    values = {"other": AccountFactory().pk, "file": second.pk}
    with pytest.raises(DatabaseError), as_web(), connection.cursor() as cursor:
        cursor.execute(sql, values)
    assert list(PaymentLine.objects.of(file).in_order().values()) == before


def test_the_page_asks_and_pays_after_the_approval(
    staff: Client, clerk: User, manager: Client, file: PaymentFile, mara: Account
) -> None:
    page = staff.get(f"{BASE}{file.pk}/change/").content.decode()
    assert "Ask for approval" in page
    assert 'value="whole"' not in page
    assert "This field is required" in text_of(press_at(staff, file, "ask", reason=" "))
    assert not ApprovalRequest.objects.exists()
    assert "24,000.00" in text_of(press_at(staff, file, "ask"))
    request = ApprovalRequest.objects.get()
    assert (request.kind, request.amount, request.reason) == ("payment_file", 24_000, WHY)
    waits = staff.get(f"{BASE}{file.pk}/change/")
    assert "asked for approval of this file" in text_of(waits)
    assert b'value="ask"' not in waits.content
    link = f'href="{BASE}{file.pk}/change/"'
    assert link in manager.get(PAGE).content.decode()  # the manager reads these lines first
    assert manager.get(f"{BASE}{file.pk}/change/").status_code == 200
    step(manager, request, "approve")
    assert "Go to the file" in text_of(staff.get(PAGE))
    assert "Done: 3 payments" in text_of(press_at(staff, file, "whole"))
    request.refresh_from_db()
    assert (request.status, balances(mara)) == ("done", [24_000])
    press_at(staff, file, "whole")
    assert balances(mara) == [24_000]


def test_the_page_of_a_colleague_and_of_an_expired_approval_ask_again(
    staff: Client, clerk: User, boss: User, file: PaymentFile, mara: Account
) -> None:
    request = approved(asked(file, clerk), boss)
    second = signed_in(colleague(OPERATIONS, "Second"))
    assert "Ask for approval" in text_of(second.get(f"{BASE}{file.pk}/change/"))
    assert "another person must approve" in text_of(press_at(second, file, "whole"))
    expire(request)
    assert "Ask for approval" in text_of(staff.get(f"{BASE}{file.pk}/change/"))
    assert balances(mara) == [0]


def test_a_file_that_waits_for_approval_can_be_checked_again_but_not_removed(
    staff: Client, clerk: User, file: PaymentFile
) -> None:
    request = asked(file, clerk)
    url = f"{BASE}{file.pk}/step/"
    assert staff.post(url, {"step": "check"}, follow=True).status_code == 200
    assert staff.post(url, {"step": "discard"}).status_code == 403
    assert PaymentFile.objects.filter(pk=file.pk).exists()
    approvals.withdraw(request=request, by=clerk)
    assert staff.post(url, {"step": "discard"}).status_code == 302
    assert not PaymentFile.objects.filter(pk=file.pk).exists()


@pytest.mark.parametrize("is_approved", [False, True])
def test_a_file_with_an_open_request_is_not_removed(
    is_approved: bool, file: PaymentFile, clerk: User, boss: User
) -> None:
    request = asked(file, clerk)
    if is_approved:
        approved(request, boss)
    assert not discard(file)
    expire(request)
    assert discard(file)


def test_a_request_made_after_the_check_of_the_page_stops_the_removal(
    staff: Client, clerk: User, file: PaymentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(file, clerk)
    monkeypatch.setattr("banking.payment_files.admin._may_remove", lambda *_: True)
    answer = staff.post(f"{BASE}{file.pk}/step/", {"step": "discard"}, follow=True)
    assert len(texts_of(answer, "error")) == 1
    assert PaymentFile.objects.filter(pk=file.pk).exists()
    assert not LogEntry.objects.filter(object_id=str(file.pk)).exists()


def test_nobody_is_asked_to_approve_a_file_that_is_just_removed(
    file: PaymentFile, clerk: User
) -> None:
    refusal = after_waiting_for(
        PaymentFile.objects.get(pk=file.pk).delete, lambda: asked(file, clerk)
    )
    assert isinstance(refusal, LedgerError)
    assert not ApprovalRequest.objects.exists()


@pytest.mark.parametrize(
    "permission", ["payment_files.view_paymentfile", "transactions.use_cash_desk", "other.right"]
)
def test_the_file_of_a_request_is_linked_for_those_who_may_open_it(permission: str) -> None:
    reader: Any = SimpleNamespace(has_perm=permission.__eq__)
    request = ApprovalRequest(kind="payment_file", transaction_id=uuid7())
    page = shown_as(request.kind).page(request, reader)
    assert bool(page) == (permission != "other.right")
