"""The receipt of a payment from a file: who really paid, and the way to the file."""

import pytest
from django.test import Client

from accounts.models import Account, User
from banking.payment_files.booking import book_rest
from banking.payment_files.models import PaymentFile, PaymentLine
from tests.banking.payment_files.files import checked, pay
from tests.banking.payment_files.shared import page_of
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory
from tests.pages import text_of

pytestmark = pytest.mark.django_db(transaction=True)


def receipt(client: Client, file: PaymentFile, reader: User) -> str:
    """Its page, to one reader."""
    client.force_login(reader)
    line = PaymentLine.objects.filter(file=file).first()
    assert line is not None
    return str(client.get(f"/transactions/{line.pk}/").content.decode())


def words(page: str) -> str:
    class Page:
        content = page.encode()

    return text_of(Page)


def test_what_the_owner_paid_says_you_and_leads_to_the_file(
    client: Client, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1)), by=everyday.user)
    page = receipt(client, file, everyday.user)
    assert "You paid Mara Lindt" in words(page)
    assert "salaries.csv Line 2" in words(page)
    assert f'href="{page_of(file)}"' in page


def test_what_the_bank_paid_for_the_owner_does_not_say_you(
    client: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1), created_by=clerk), by=clerk)
    page = receipt(client, file, everyday.user)
    assert "The bank paid Mara Lindt" in words(page)
    assert "You paid" not in words(page)
    assert clerk.name not in words(page)


def test_what_post_file_paid_was_paid_by_the_bank(
    client: Client, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1), created_by=None, run=""))
    assert "The bank paid Mara Lindt" in words(receipt(client, file, everyday.user))


def test_staff_read_who_pressed_pay_and_find_the_file_in_the_admin(
    client: Client, clerk: User, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1), created_by=clerk), by=clerk)
    page = receipt(client, file, clerk)
    assert "The bank paid Mara Lindt" in words(page)
    assert "Everyday of Ana Ferreira" in words(page)
    assert "Booked by Clerk" in words(page)
    assert f'href="/admin/payment_files/paymentfile/{file.pk}/change/"' in page


def test_whoever_is_paid_and_staff_without_the_right_are_shown_no_file(
    client: Client, everyday: Account, mara: Account
) -> None:
    file = book_rest(checked(everyday, pay(mara, 1)), by=everyday.user)
    reader = UserFactory(is_staff=True)
    reader.user_permissions.set(permissions("view_transaction", "view_contact_details"))
    for person in (mara.user, reader):
        page = receipt(client, file, person)
        assert "Ana Ferreira paid" in words(page)
        assert "salaries.csv" not in page
        assert str(file.pk) not in page


def test_between_ones_own_accounts_it_was_moved(
    client: Client, clerk: User, everyday: Account
) -> None:
    own = AccountFactory(user=everyday.user, name="Holiday")
    file = book_rest(checked(everyday, pay(own, 1), created_by=clerk), by=clerk)
    assert "Moved from Everyday to Holiday" in words(receipt(client, file, everyday.user))
