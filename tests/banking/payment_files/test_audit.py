"""The audit compares each line of a file with its transaction and with its file."""

import pytest
from django.utils import timezone

from accounts.models import Account, User
from accounts.services import close_account
from banking.payment_files.audit_checks import payment_lines
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from tests.banking.payment_files.files import checked, fates, stored
from tests.factories import AccountFactory, UserFactory, walls_down
from tests.transactions.audit.breaking import falsify_rules
from transactions.audit.audit import audit

pytestmark = pytest.mark.django_db


@pytest.fixture
def firm() -> Account:
    return AccountFactory(balance="5000")


@pytest.fixture(autouse=True)
def waiting(firm: Account, mara: Account, jo: Account) -> PaymentFile:
    """A checked file, whose numbers and amounts contain separators. Another file of the same payer
    is done and has a refused line.
    """
    number = mara.number
    spaced = f"\u200e{number[:4]} {number[4:8]}\u00a0-{number[8:]}"
    done = book_rest(
        checked(firm, f"{spaced},7,,", f'{jo.number},"1 00.00",,', f"{jo.number},3.50,,")
    )
    assert fates(done)[::2] == ["booked", "booked"] != fates(done)[:2]
    waiting = checked(firm, f'{spaced},"1,234.50",,', f"{jo.number},5,,")
    assert fates(waiting) == ["waiting", "waiting"]
    return waiting


def test_no_line_differs_as_it_was_stored(
    waiting: PaymentFile, firm: Account, mara: Account, jo: Account
) -> None:
    stored(firm, "1,x,,", f"{mara.number},2,Rent,,one more")
    close_account(account=AccountFactory())
    other = AccountFactory()
    closed = stored(firm, f"{other.number},2,,")
    close_account(account=other)
    assert fates(check(closed))[0] not in ("waiting", "")
    assert PaymentLine.objects.of(closed).get().to_account == other
    PaymentLine.objects.filter(booked=True).update(typed_to="", typed_amount="")  # as an erasure
    staff, before = UserFactory(is_staff=True), UserFactory(is_staff=True)
    for uploader in (staff, before, None):  # `post_file` has no uploader
        stored(firm, f"{mara.number},2,,", created_by=uploader)
    User.objects.filter(pk=before.pk).update(is_staff=False)
    Account.objects.filter(pk=firm.pk).update(user=mara.user)  # the owner of the tables may do this
    assert audit().clean


OPEN, BOOKED = "NOT booked", "booked"
JO = "(SELECT to_account_id FROM payment_lines WHERE number = 4)"


@pytest.mark.parametrize(
    ("edit", "which", "wrong"),
    [
        (f"to_account_id = {JO}", OPEN, "other recipient"),
        ("typed_to = '1'", OPEN, "other recipient"),
        ("amount = amount + 0.01", OPEN, "other amount"),
        ("typed_amount = 'x'", OPEN, "other amount"),
        ("typed_amount = '1,2.3.4'", OPEN, "other amount"),
        ("booked = true", OPEN, "no transaction"),
        ("booked = false", BOOKED, "not booked"),
        ("id = gen_random_uuid()", BOOKED, "no transaction"),
        (f"to_account_id = {JO}", BOOKED, "other transaction"),
        ("to_account_id = NULL", BOOKED, "other transaction"),
        ("amount = amount - 0.01", BOOKED, "other transaction"),
        ("amount = NULL", BOOKED, "other transaction"),
        ("typed_to = '1'", BOOKED, "other recipient"),
        ("typed_amount = '8'", BOOKED, "other amount"),
    ],
)
def test_the_audit_names_a_line_that_the_owner_edits(
    waiting: PaymentFile, firm: Account, edit: str, which: str, wrong: str
) -> None:
    falsify_rules("payment_lines")
    with walls_down("payment_lines") as cursor:
        cursor.execute(
            f"UPDATE payment_lines SET {edit} WHERE number = 2 AND {which} RETURNING id, file_id"
        )
        ((line, file),) = cursor.fetchall()
    (finding,) = payment_lines()
    assert (finding.account, finding.broken) == (str(firm.pk), 1)
    assert finding.found == f"{wrong}: line 2 ({line}) of file {file}"
    is_paid = which == BOOKED or edit == "booked = true"
    assert finding.transaction == (str(line) if is_paid else None)
    assert len([*payment_lines(timezone.now())]) == (file == waiting.pk)
    assert [*payment_lines(PaymentFile.objects.get(pk=file).finished_at)] == [finding]


@pytest.mark.parametrize(
    ("edited", "first"),
    [
        ([("checked", 3), ("checked", 2)], ("checked", 2)),
        ([("checked", 2), ("done", 4)], ("done", 4)),  # of the older file
    ],
)
def test_the_audit_names_the_first_of_several_lines_and_counts_them(
    edited: list[tuple[str, int]], first: tuple[str, int]
) -> None:
    for state, number in edited:
        PaymentLine.objects.filter(file__state=state, number=number).update(typed_to="1")
    (finding,) = payment_lines()
    line = PaymentLine.objects.get(file__state=first[0], number=first[1])
    assert (
        finding.found == f"other recipient: line {line.number} ({line.pk}) of file {line.file_id}"
    )
    assert finding.broken == 2


def test_the_audit_names_a_file_that_pays_from_another_customer_than_its_uploader(
    waiting: PaymentFile, jo: Account
) -> None:
    with walls_down("payment_files"):
        PaymentFile.objects.filter(pk=waiting.pk).update(from_account=jo)
    (finding,) = payment_lines()
    line = PaymentLine.objects.of(waiting).get(number=2)
    assert (finding.account, finding.transaction, finding.broken) == (str(jo.pk), None, 2)
    assert finding.found == f"other payer: line 2 ({line.pk}) of file {waiting.pk}"


def test_the_audit_names_files_whose_number_of_lines_the_owner_changes(
    waiting: PaymentFile,
) -> None:
    moved = PaymentLine.objects.filter(file=waiting, number=3)
    done = PaymentFile.objects.get(state="done")
    with walls_down("payment_lines"):
        moved.update(file=done, number=9)
    (finding,) = payment_lines()
    assert finding.broken == 5  # each line of both files
    line = PaymentLine.objects.of(done).get(number=2)
    assert finding.found == f"other file: line 2 ({line.pk}) of file {done.pk}"
    with walls_down("payment_lines"):
        PaymentLine.objects.of(done).filter(number=9).delete()
    (finding,) = payment_lines()
    line = PaymentLine.objects.of(waiting).get()
    assert finding.found == f"other file: line 2 ({line.pk}) of file {waiting.pk}"


@pytest.mark.parametrize(
    ("table", "edit"),
    [
        ("payment_files", f"from_account_id = {JO} WHERE state = 'done'"),
        ("transactions", "currency = 'EUR' WHERE amount = 7"),
        ("transactions", "status = 'voided' WHERE amount = 7"),
    ],
)
def test_the_audit_names_a_line_whose_file_or_transaction_the_owner_edits(
    firm: Account, table: str, edit: str
) -> None:
    falsify_rules(table)
    with walls_down(table) as cursor:
        cursor.execute(f"UPDATE {table} SET {edit}")
        assert cursor.rowcount == 1
    line = PaymentLine.objects.get(booked=True, number=2)
    (finding,) = payment_lines()
    assert (finding.account, finding.transaction) == (str(firm.pk), str(line.pk))
    assert finding.found == f"other transaction: line 2 ({line.pk}) of file {line.file_id}"
