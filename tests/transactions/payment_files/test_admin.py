"""Staff pay from a file that a customer brought, and read every file; nobody serves themselves."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, balances
from tests.transactions.payment_files.files import checked, csv_of, fates, pay
from tests.transactions.payment_files.test_pages import text_of
from transactions.models import PaymentFile, Transaction

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/admin/transactions/paymentfile/"


def upload(client: Client, number: str, *lines: str) -> Any:
    content = csv_of(*lines).read()
    file = SimpleUploadedFile("salaries.csv", content, "text/csv")
    return client.post(f"{BASE}add/", {"id": uuid7(), "number": number, "file": file}, follow=True)


def test_a_clerk_uploads_checks_and_pays_for_a_customer(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    text = text_of(upload(staff, everyday.number, pay(mara, 600), "12,5"))
    file = PaymentFile.objects.get()
    assert "1 can be booked, 600.00 USD; 1 cannot. Nothing is booked yet." in text
    assert "An account number has 12 digits" in text
    assert balances(mara) == [0]
    text = text_of(staff.post(f"{BASE}{file.pk}/step/", {"step": "pay"}, follow=True))
    assert "Done: 1 payment booked." in text
    assert Transaction.objects.get(type="transfer").created_by == clerk
    assert balances(everyday, mara) == [400, 600]


def test_all_or_nothing_for_a_customer(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), pay(mara, 2), created_by=clerk)
    assert b"Pay all 2 or none" in staff.get(f"{BASE}{file.pk}/change/").content
    staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"})
    assert fates(file) == ["booked", "booked"]
    assert {row.created_by for row in Transaction.objects.filter(type="transfer")} == {clerk}
    entry = LogEntry.objects.get(object_id=str(file.pk))
    assert (entry.user, entry.change_message) == (clerk, "Paid 2 payments.")


def test_who_pays_stands_on_the_rows_whoever_uploaded(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    colleague = UserFactory(is_staff=True)
    file = checked(everyday, pay(mara, 1), created_by=colleague)
    staff.post(f"{BASE}{file.pk}/step/", {"step": "pay"})
    assert Transaction.objects.get(type="transfer").created_by == clerk


def test_staff_do_not_pay_what_a_customer_only_uploaded(
    staff: Client, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1))
    page = text_of(staff.get(f"{BASE}{file.pk}/change/"))
    assert "alone decides whether it is paid" in page
    assert "Pay all" not in page
    assert staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"}).status_code == 403
    assert balances(mara) == [0]


def test_nobody_pays_themselves_out_of_a_customers_account(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    own = AccountFactory(user=clerk)
    file = checked(everyday, pay(mara, 1), pay(own, 2), created_by=clerk)
    assert "A line of this file pays you" in text_of(staff.get(f"{BASE}{file.pk}/change/"))
    for step in ("whole", "pay"):
        assert staff.post(f"{BASE}{file.pk}/step/", {"step": step}).status_code == 403
    assert balances(own, mara) == [0, 0]


def test_a_refused_step_says_why(
    staff: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = checked(everyday, pay(mara, 1), "12,5", created_by=clerk)
    text = text_of(staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"}, follow=True))
    assert "Nothing was booked. Line 3" in text
    assert balances(mara) == [0]


def test_nobody_pays_out_of_their_own_account_at_the_desk(
    staff: Client, clerk: User, mara: Account
) -> None:
    own = AccountFactory(user=clerk, balance="100")
    response = upload(staff, own.number, pay(mara, 1))
    assert "a colleague has to serve you" in text_of(response)
    file = checked(own, pay(mara, 1))
    assert b"Pay all" not in staff.get(f"{BASE}{file.pk}/change/").content
    assert staff.post(f"{BASE}{file.pk}/step/", {"step": "whole"}).status_code == 403
    assert balances(mara) == [0]


def test_a_wrong_number_or_file_is_asked_again(
    staff: Client, everyday: Account, mara: Account
) -> None:
    assert "An account number has 12 digits" in text_of(upload(staff, "12", pay(mara, 1)))
    assert "no payments below it" in text_of(upload(staff, everyday.number))
    assert PaymentFile.objects.count() == 0


def test_without_the_cash_desk_files_are_read_alone(
    client: Client, everyday: Account, mara: Account
) -> None:
    reader = UserFactory(is_staff=True)
    client.force_login(reader)
    file = checked(everyday, pay(mara, 1))
    urls = [BASE, f"{BASE}{file.pk}/change/", f"{BASE}{file.pk}/result.csv"]
    assert [client.get(url).status_code for url in urls] == [403, 403, 403]
    reader.user_permissions.add(Permission.objects.get(codename="view_paymentfile"))
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
    upload(staff, everyday.number, pay(mara, 1))
    client = Client()
    client.force_login(everyday.user)
    assert "salaries.csv" in text_of(client.get("/transfers/files/"))
