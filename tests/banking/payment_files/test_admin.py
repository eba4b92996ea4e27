"""Staff pay from a file that a customer brought, and read every file; nobody serves themselves."""

from decimal import Decimal
from unittest.mock import Mock

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError
from django.test import Client

from accounts.models import Account, User
from banking.payment_files import booking, drafts
from banking.payment_files.models import PaymentFile, PaymentLine
from tests.banking.payment_files.files import checked, fates, pay
from tests.banking.payment_files.shared import BASE, WHY, pay_at_the_desk, upload_for_customer
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import lacks, text_of, texts_of
from transactions import services
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_clerk_uploads_checks_and_pays_for_a_customer(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    page = upload_for_customer(staff, everyday.number, pay(mara, 600), "12,5")
    file = PaymentFile.objects.get()
    (head,) = texts_of(page, "review__sentence")
    assert not lacks(head, "1 of 2 payments", "600.00 USD", "1 line cannot")
    refused = PaymentLine.objects.refused().get(file=file)
    assert refused.verdict in text_of(page)
    assert balances(mara) == [0]
    text = text_of(pay_at_the_desk(staff, file, "pay"))
    assert "Done: 1 payment booked." in text
    assert Transaction.objects.get(type="transfer").created_by == clerk
    assert balances(everyday, mara) == [400, 600]


def test_all_or_nothing_for_a_customer(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 2), created_by=clerk)
    assert "Pay all 2 lines or none" in text_of(staff.get(f"{BASE}{file.pk}/change/"))
    pay_at_the_desk(staff, file, "whole")
    assert fates(file) == ["booked", "booked"]
    assert {row.created_by for row in Transaction.objects.filter(type="transfer")} == {clerk}
    entry = LogEntry.objects.get(object_id=str(file.pk))
    assert (entry.user, entry.change_message) == (clerk, f"Paid 2 payments. Reason: {WHY}")


def test_who_pays_stands_on_the_rows_whoever_uploaded(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    colleague = UserFactory(is_staff=True)
    file = checked(everyday, pay(mara, 1), created_by=colleague)
    pay_at_the_desk(staff, file, "pay")
    assert Transaction.objects.get(type="transfer").created_by == clerk


def test_a_colleague_checks_it_again(staff: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, pay(mara, 900), pay(mara, 800), created_by=UserFactory(is_staff=True))
    assert fates(file)[0] == "waiting" != fates(file)[1]

    services.deposit(to_account=everyday, amount=Decimal(1_000))
    page = staff.post(f"{BASE}{file.pk}/step/", {"step": "check"}, follow=True)

    assert page.status_code == 200
    assert fates(file) == ["waiting", "waiting"]


def test_staff_do_not_pay_what_a_customer_only_uploaded(
    staff: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1))
    page = text_of(staff.get(f"{BASE}{file.pk}/change/"))
    assert "Only they can pay it" in page
    assert "Pay all" not in page
    assert staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"}).status_code == 403
    assert balances(mara) == [0]


def test_nobody_pays_themselves_out_of_a_customers_account(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    own = AccountFactory(user=clerk)
    file = checked(everyday, pay(mara, 1), pay(own, 2), created_by=clerk)
    (why_not,) = texts_of(staff.get(f"{BASE}{file.pk}/change/"), "errornote")
    assert "pays you" in why_not
    for step in ("whole", "pay"):
        assert staff.post(f"{BASE}{file.pk}/step/", {"step": step}).status_code == 403
    assert balances(own, mara) == [0, 0]


def test_a_refused_step_says_why(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), "12,5", created_by=clerk)
    text = text_of(pay_at_the_desk(staff, file, "whole"))
    assert not lacks(text, "Nothing was booked. Line 3", WHY)
    assert balances(mara) == [0]


def test_nobody_pays_out_of_their_own_account_at_the_desk(
    staff: Client, clerk: User, mara: Account
) -> None:
    own = AccountFactory(user=clerk, balance="100")
    response = upload_for_customer(staff, own.number, pay(mara, 1))
    assert "is yours" in response.context["form"].errors["number"][0]
    file = checked(own, pay(mara, 1))
    assert b"Pay all" not in staff.get(f"{BASE}{file.pk}/change/").content
    assert staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"}).status_code == 403
    assert balances(mara) == [0]


def test_a_wrong_number_or_file_is_asked_again(
    staff: Client, everyday: Account, mara: Account
) -> None:
    number = upload_for_customer(staff, "12", pay(mara, 1))
    assert "12 digits" in number.context["form"].errors["number"][0]
    empty = upload_for_customer(staff, everyday.number)
    assert "no payments below it" in empty.context["form"].errors["file"][0]
    assert PaymentFile.objects.count() == 0


def test_without_the_cash_desk_files_are_read_alone(
    client: Client, everyday: Account, mara: Account
) -> None:
    reader = UserFactory(is_staff=True)
    client.force_login(reader)
    file = checked(everyday, pay(mara, 1))
    urls = [BASE, f"{BASE}{file.pk}/change/", f"{BASE}{file.pk}/result.csv"]
    assert [client.get(url).status_code for url in urls] == [403, 403, 403]
    reader.user_permissions.set(permissions("view_paymentfile", "view_contact_details"))
    client.force_login(reader)  # the change has ended their session
    assert [client.get(url).status_code for url in urls] == [200, 200, 200]
    assert client.get(f"{BASE}add/").status_code == 403
    assert b"Pay all" not in client.get(urls[1]).content
    assert client.post(f"{BASE}{file.pk}/step/", {"step": "whole"}).status_code == 403
    assert client.post(f"{BASE}{file.pk}/change/", {"name": "x"}).status_code == 403
    assert client.post(f"{BASE}{file.pk}/delete/").status_code == 403


def test_a_step_is_a_post(staff: Client, everyday: Account, mara: Account) -> None:
    file = checked(everyday, pay(mara, 1))
    assert staff.get(f"{BASE}{file.pk}/step/?step=whole").status_code == 403
    assert fates(file) == ["waiting"]


def test_the_list_names_whose_file_it_is_and_where_it_stands(
    staff: Client, everyday: Account, mara: Account
) -> None:
    checked(everyday, pay(mara, 5), "12,1")
    text = text_of(staff.get(BASE, {"q": "salaries"}))
    assert "Ana Ferreira, Everyday" in text
    assert "2, 1 refused" in text
    assert "Checked, not paid" in text


def test_an_accounts_page_leads_to_the_upload_with_its_number(
    staff: Client, everyday: Account
) -> None:
    link = f"{BASE}add/?account={everyday.pk}"
    page = staff.get(f"/admin/accounts/account/{everyday.pk}/change/").content.decode()
    assert f'href="{link}"' in page
    assert everyday.number[:4] in staff.get(link).context["form"].initial["number"]
    assert staff.get(f"{BASE}add/?account=nonsense").status_code == 200


def test_the_owner_sees_what_staff_paid_for_them(
    staff: Client, everyday: Account, mara: Account
) -> None:
    upload_for_customer(staff, everyday.number, pay(mara, 1))
    client = Client()
    client.force_login(everyday.user)
    assert "salaries.csv" in text_of(client.get("/transfers/files/"))


def test_the_reason_stands_beside_each_row_in_the_transaction_that_books_it(
    staff: Client, clerk: User, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "PART", 1)
    file = checked(everyday, pay(mara, 1), pay(mara, 2), "12,5", created_by=clerk)
    pay_at_the_desk(staff, file, "pay", "  Letter\u202e signed ")
    notes = StaffReason.objects.filter(action="file")
    booked = PaymentLine.objects.filter(file=file, booked=True).values_list("pk", flat=True)
    assert {note.transaction_id for note in notes} == set(booked)
    assert {(note.reason, note.written_by) for note in notes} == {("Letter signed", clerk)}
    page = text_of(staff.get(f"/transactions/{booked[0]}/"))
    assert "Paid from a file Letter" in page
    assert "Letter signed Clerk" in page
    customer = Client()
    customer.force_login(everyday.user)
    assert "Letter" not in text_of(customer.get(f"/transactions/{booked[0]}/"))


def test_a_reason_that_cannot_be_kept_books_nothing(
    staff: Client, clerk: User, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    monkeypatch.setattr(booking, "explain", lambda *_, **__: 1 / 0)
    for step in ("whole", "pay"):
        with pytest.raises(ZeroDivisionError):
            pay_at_the_desk(staff, file, step)
    assert fates(file) == ["waiting"]
    assert balances(mara) == [0]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_nothing_is_paid_for_a_customer_without_a_reason(
    staff: Client, clerk: User, everyday: Account, mara: Account, reason: str
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    for step in ("whole", "pay"):
        answer = pay_at_the_desk(staff, file, step, reason)
        assert answer.context["form"]["reason"].value() == reason
        (refusal,) = texts_of(answer, "errornote")
        assert refusal.startswith("Nothing was paid")
    assert balances(mara) == [0]
    assert fates(file) == ["waiting"]


def test_what_a_customer_pays_asks_no_reason(everyday: Account, mara: Account) -> None:
    booking.book_rest(checked(everyday, pay(mara, 1)), by=everyday.user)
    assert StaffReason.objects.count() == 0


def test_a_file_that_staff_uploaded_and_nobody_paid_is_removed_by_staff(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=UserFactory(is_staff=True))
    assert "Remove the file" in staff.get(f"{BASE}{file.pk}/change/").content.decode()
    answer = staff.post(f"{BASE}{file.pk}/step/", {"step": "discard"}, follow=True)
    assert "Removed salaries.csv" in texts_of(answer, "success")[0]
    assert PaymentFile.objects.count() == 0
    entry = LogEntry.objects.get(object_id=str(file.pk))
    assert (entry.user, entry.is_deletion()) == (clerk, True)
    assert not lacks(entry.change_message, "Removed", "1 payment")


def test_a_file_stays_if_its_removal_cannot_be_logged(
    staff: Client, clerk: User, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    monkeypatch.setattr(LogEntry.objects, "log_actions", Mock(side_effect=OperationalError))
    assert staff.post(f"{BASE}{file.pk}/step/", {"step": "discard"}).status_code == 503
    assert fates(PaymentFile.objects.get()) == ["waiting"]


def test_staff_remove_neither_a_customers_own_file_nor_a_paid_one_nor_their_own(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    colleague = UserFactory(is_staff=True)
    theirs = checked(everyday, pay(mara, 1))
    paid = booking.book_rest(checked(everyday, pay(mara, 2), "12,5", created_by=colleague))
    own = checked(AccountFactory(user=clerk, balance="5"), pay(mara, 3), created_by=colleague)
    for file in (theirs, paid, own):
        assert "Remove the file" not in staff.get(f"{BASE}{file.pk}/change/").content.decode()
        response = staff.post(f"{BASE}{file.pk}/step/", {"step": "discard"})
        assert response.status_code == 403
    assert PaymentFile.objects.count() == 3


def test_a_file_paid_meanwhile_is_not_removed(
    staff: Client, clerk: User, everyday: Account, mara: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = checked(everyday, pay(mara, 1), created_by=clerk)
    monkeypatch.setattr("banking.payment_files.admin._may_remove", lambda *_: True)
    booking.book_rest(file)
    answer = staff.post(f"{BASE}{file.pk}/step/", {"step": "discard"}, follow=True)
    assert len(texts_of(answer, "error")) == 1
    assert fates(PaymentFile.objects.get()) == ["booked"]


def test_the_list_shows_what_can_be_paid_and_no_total_of_what_cannot(
    staff: Client, everyday: Account, mara: Account
) -> None:
    checked(everyday, pay(mara, 600), pay(mara, 5000))
    text = text_of(staff.get(BASE))
    assert "600.00" in text
    assert "5,600.00" not in text
