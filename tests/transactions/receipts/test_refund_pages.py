"""What a refund looks like to both sides, and what staff see of a receipt."""

import re
from decimal import Decimal
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, User
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of
from transactions import services, staff_services
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="100", user__name="Ana Ferreira")


@pytest.fixture
def shop() -> Account:
    return AccountFactory(name="Till 3", user__name="Book Nook", balance="7000")


@pytest.fixture
def paid(everyday: Account, shop: Account) -> Transaction:
    return services.transfer(
        from_account=everyday, to_account=shop, amount=Decimal(40), description="Two atlases"
    )


def seen_by(person: User, row: Transaction) -> str:
    client = Client()
    client.force_login(person)
    return text_of(client.get(f"/transactions/{row.pk}/"))


def page_for(person: User, row: Transaction) -> str:
    client = Client()
    client.force_login(person)
    return client.get(f"/transactions/{row.pk}/").content.decode()


def refunded(row: Transaction, amount: str, clerk: User, message: str = "") -> Transaction:
    draft = services.Draft(
        from_account=row.to_account_id, to_account=row.from_account_id,
        amount=amount, reverses=row, created_by=clerk,
    )  # fmt: skip
    return staff_services.book(
        draft, action=StaffReason.Action.REFUND, reason="Damaged", message=message, written_by=clerk
    )


def test_a_payment_tells_what_came_back_and_what_is_left(
    everyday: Account, paid: Transaction, clerk: User
) -> None:
    first = refunded(paid, "12.50", clerk)
    said = seen_by(everyday.user, paid)
    assert not lacks(said, "12.50 USD of 40.00 USD", "27.50 USD is left")
    second = refunded(paid, "27.50", clerk)
    assert "Refunded in full" in seen_by(everyday.user, paid)
    page = page_for(everyday.user, paid)
    for row in (first, second):
        assert f'href="/transactions/{row.pk}/"' in page


def test_each_side_reads_a_refund_in_its_own_words(
    everyday: Account, shop: Account, paid: Transaction, clerk: User
) -> None:
    row = refunded(paid, "12.50", clerk, message="One atlas came damaged.")
    ana, nook = seen_by(everyday.user, row), seen_by(shop.user, row)
    assert not lacks(ana, "Book Nook refunded you", "refund +12.50 USD")
    assert "Refund of 40.00 USD" in ana
    assert f"Refunded to Ana Ferreira refund {MINUS}12.50 USD" in nook
    for said in (ana, nook, seen_by(everyday.user, paid)):
        assert "One atlas came damaged." in said
        assert "Damaged" not in said
        assert clerk.name not in said


def test_a_refund_leads_to_the_original(everyday: Account, paid: Transaction, clerk: User) -> None:
    row = refunded(paid, "12.50", clerk)
    assert f'href="/transactions/{paid.pk}/">The original' in page_for(everyday.user, row)


def test_refunds_from_and_to_outside_the_bank_say_where_the_money_went(everyday: Account) -> None:
    cash = services.withdraw(from_account=everyday, amount=Decimal(30))
    back = services.reverse(transaction=cash, amount=Decimal(10))
    assert "into Everyday refund +10.00 USD" in seen_by(everyday.user, back)
    came = services.deposit(to_account=everyday, amount=Decimal(5))
    gone = services.reverse(transaction=came)
    assert f"from Everyday taken back {MINUS}5.00 USD" in seen_by(everyday.user, gone)
    assert "Taken back in full" in seen_by(everyday.user, came)


def test_an_entry_of_a_refund_is_marked_on_the_statement(
    client: Client, everyday: Account, paid: Transaction, clerk: User
) -> None:
    refunded(paid, "12.50", clerk)
    client.force_login(everyday.user)
    assert "Book Nook refund" in text_of(client.get(f"/accounts/{everyday.pk}/"))


def test_whoever_was_paid_sends_it_back_by_a_new_payment(
    everyday: Account, shop: Account, paid: Transaction, clerk: User
) -> None:
    refunded(paid, "12.50", clerk)
    (address,) = re.findall(r'href="([^"]+)">Send it back', page_for(shop.user, paid))
    filled = parse_qs(urlsplit(address.replace("&amp;", "&")).query)
    assert filled == {
        "from": [str(shop.pk)], "to": [everyday.number],
        "amount": ["27.50"], "description": ["Back: Two atlases"],
    }  # fmt: skip
    assert "Send it back" not in seen_by(everyday.user, paid)
    refunded(paid, "27.50", clerk)
    assert "Send it back" not in seen_by(shop.user, paid)


def test_nobody_is_offered_to_repeat_a_refund(
    everyday: Account, shop: Account, paid: Transaction, clerk: User
) -> None:
    row = refunded(paid, "12.50", clerk)
    for person in (everyday.user, shop.user):
        said = seen_by(person, row)
        assert "Send another" not in said
        assert "Send it back" not in said


# As staff see it


def test_staff_see_both_accounts_and_what_they_may_do(
    everyday: Account, shop: Account, paid: Transaction, clerk: User
) -> None:
    page, said = page_for(clerk, paid), seen_by(clerk, paid)
    assert not lacks(said, "Ana Ferreira paid Book Nook", "40.00 USD")
    for side in (everyday, shop):
        assert reverse("admin:accounts_account_change", args=[side.pk]) in page
        assert f"/accounts/{side.pk}/" not in page.replace("/admin/accounts/", "")
    assert reverse("admin:transactions_transaction_refund", args=[paid.pk]) in page
    assert reverse("admin:transactions_transaction_change", args=[paid.pk]) in page
    assert "Send another" not in said
    assert "Balance after" not in said  # balances are for the owners, and for the admin


def test_staff_see_why_a_colleague_did_it(paid: Transaction, clerk: User) -> None:
    row = refunded(paid, "12.50", clerk, message="One atlas came damaged.")
    for of in (row, paid):
        said = seen_by(clerk, of)
        assert not lacks(said, "Refunded Damaged", "The customer reads: One atlas")
        assert "Message from the bank" not in said


def test_staff_without_the_rights_see_no_button(paid: Transaction) -> None:
    viewer = UserFactory(is_staff=True)
    viewer.user_permissions.set(permissions("view_transaction", "view_contact_details"))
    page = page_for(viewer, paid)
    assert reverse("admin:transactions_transaction_refund", args=[paid.pk]) not in page
    hold = services.hold(from_account=AccountFactory(balance="1"), amount=Decimal(1))
    assert "/release/" not in page_for(viewer, hold)
    assert "/release/" in page_for(UserFactory(is_staff=True, is_superuser=True), hold)


def test_customers_are_offered_none_of_it(everyday: Account, paid: Transaction) -> None:
    hold = services.hold(from_account=everyday, amount=Decimal(1))
    for row in (paid, hold):
        assert "/admin/" not in page_for(everyday.user, row)


def test_staff_see_their_own_payment_as_any_customer(paid: Transaction, clerk: User) -> None:
    row = services.withdraw(from_account=AccountFactory(user=clerk, balance="5"), amount=Decimal(5))
    page = page_for(clerk, row)
    assert f"{MINUS}5.00" in page
    assert reverse("admin:transactions_transaction_refund", args=[row.pk]) not in page
