"""Staff refund by a form: reviewed in words, booked once, with a reason."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.test import Client

from accounts.models import Account, User
from accounts.services import close_account, freeze_account
from tests.factories import balances
from tests.pages import lacks, text_of, texts_of
from tests.reviews import paid_id
from tests.transactions.staff.forms import DESK, messages_of, page_of, said_by_staff
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import NO_REFUND_OF_HOLD, REFUNDED_IN_FULL, REFUNDS_ARE_FINAL
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db


def test_a_refund_is_reviewed_in_words_before_anything_moves(
    staff: Client, everyday: Account, shop: Account, paid: Transaction
) -> None:
    address = staff.get(page_of(paid, "refund"))["Location"]
    (lead,) = texts_of(staff.get(address), "review__sentence")
    assert not lacks(lead, "40.00 USD", "Everyday of Mara Lindt", "Till 3 of Book Nook")
    review = staff.post(address, said_by_staff(message="Sorry"))
    (sentence,) = texts_of(review, "review__sentence")
    assert not lacks(sentence, "12.50 USD of 40.00 USD", "Everyday of Mara Lindt")
    (facts,) = texts_of(review, "review")
    assert "Mara Lindt 60.00 → 72.50 USD" in facts
    assert "Book Nook 50.00 → 37.50 USD" in facts
    assert not lacks(facts, "Left to refund 27.50", "Came damaged", "Sorry")
    assert balances(everyday, shop) == [60, 50]
    assert not StaffReason.objects.exists()


def test_a_refund_is_booked_once_however_often_it_is_sent(
    staff: Client, clerk: User, everyday: Account, shop: Account, paid: Transaction
) -> None:
    filled = said_by_staff(amount="40", message="Sorry", step="book")
    answers = [staff.post(page_of(paid, "refund"), filled) for _ in range(3)]
    row = Transaction.objects.get(reverses=paid)
    assert {answer["Location"] for answer in answers} == {page_of(row)}
    assert "Refunded 40.00" in messages_of(answers[0])[0]
    assert "nothing was booked again" in messages_of(answers[2])[-1]
    assert (row.pk, row.amount, row.created_by) == (paid_id(clerk, filled), 40, clerk)
    assert (row.description, row.reference) == ("Refund: Two atlases", "INV-7")
    assert row.metadata == {"category": "shopping"}
    note = StaffReason.objects.get(transaction=row)
    assert (note.action, note.reason, note.message) == ("refund", "Came damaged", "Sorry")
    assert note.written_by == clerk
    assert balances(everyday, shop) == [100, 10]
    assert audit().clean


def test_going_back_to_the_address_of_a_booked_form_leads_to_the_row(
    staff: Client, clerk: User, paid: Transaction
) -> None:
    address = staff.get(page_of(paid, "refund"))["Location"]
    id = address.partition("=")[2]
    staff.post(address, said_by_staff(id=id, amount="40", step="book"))
    again = staff.get(address)
    assert again["Location"] == page_of(Transaction.objects.get(pk=paid_id(clerk, {"id": id})))
    assert "nothing was booked again" in messages_of(again)[-1]


def test_a_booked_form_cannot_be_changed_and_sent_again(staff: Client, paid: Transaction) -> None:
    filled = said_by_staff(step="book")
    staff.post(page_of(paid, "refund"), filled)
    answer = staff.post(page_of(paid, "refund"), {**filled, "amount": "13"})
    assert "with different details" in str(answer.context["form"].errors)
    assert paid.reversals.get().amount == Decimal("12.50")


def test_parts_never_exceed_the_whole(staff: Client, paid: Transaction) -> None:
    staff.post(page_of(paid, "refund"), said_by_staff(amount="30", step="book"))
    form = staff.get(page_of(paid, "refund"), follow=True)
    assert not lacks(text_of(form), "30.00 USD was refunded", "10.00 USD is left")
    assert form.context["form"]["amount"].value() == "10.00"
    for button in ("review", "book"):
        filled = said_by_staff(amount="10.01", step=button)
        answer = staff.post(page_of(paid, "refund"), filled)
        (error,) = answer.context["form"].errors["amount"]
        assert not lacks(error, "10.00 USD", "10.01")
        assert "Came damaged" in text_of(answer)
    assert paid.reversals.count() == 1


def test_whoever_got_the_money_must_have_it(
    staff: Client, shop: Account, paid: Transaction
) -> None:
    services.withdraw(from_account=shop, amount=Decimal(45))
    answer = staff.post(page_of(paid, "refund"), said_by_staff())
    assert "Till 3 has 5.00 available" in text_of(answer)
    freeze_account(account=shop, reason="Stolen till")
    answer = staff.post(page_of(paid, "refund"), said_by_staff(amount="1"))
    assert "Till 3 of Book Nook is frozen" in text_of(answer)


def test_a_refund_of_money_that_came_in_or_went_out_says_which(
    staff: Client, everyday: Account
) -> None:
    came = Transaction.objects.get(to_account=everyday, type="deposit")
    review = staff.post(page_of(came, "refund"), said_by_staff())
    (sentence,) = texts_of(review, "review__sentence")
    assert sentence.startswith("Take 12.50 USD of 100.00")
    assert "from Everyday of Mara Lindt" in sentence
    went = services.withdraw(from_account=everyday, amount=Decimal(20), description="ATM")
    review = staff.post(page_of(went, "refund"), said_by_staff())
    (sentence,) = texts_of(review, "review__sentence")
    assert sentence.startswith("Refund 12.50 USD of 20.00")
    assert "to Everyday of Mara Lindt" in sentence


@pytest.mark.parametrize(("of", "sentence"), [
    (lambda paid, held: services.reverse(transaction=paid), REFUNDS_ARE_FINAL),
    (lambda paid, held: services.reverse(transaction=paid) and paid, REFUNDED_IN_FULL),
    (lambda paid, held: held, NO_REFUND_OF_HOLD["pending"]),
    (lambda paid, held: services.capture(hold=held) and held, NO_REFUND_OF_HOLD["captured"]),
    (lambda paid, held: services.void(hold=held), NO_REFUND_OF_HOLD["voided"]),
])  # fmt: skip
def test_what_cannot_be_refunded_says_why_and_books_nothing(
    of: Callable[[Transaction, Transaction], Transaction], sentence: str,
    staff: Client, paid: Transaction, held: Transaction,
) -> None:  # fmt: skip
    row = of(paid, held)
    count = Transaction.objects.count()
    for answer in (
        staff.get(page_of(row, "refund")),
        staff.post(page_of(row, "refund"), said_by_staff(step="book")),
    ):
        assert sentence in text_of(answer)
    assert "Came damaged" in text_of(answer)
    assert f'href="{page_of(row, "refund")}"' not in staff.get(page_of(row)).content.decode()
    assert Transaction.objects.count() == count


def test_accounts_that_stop_a_refund_are_named_before_an_amount_or_a_reason_is_typed(
    staff: Client, everyday: Account, shop: Account, paid: Transaction
) -> None:
    services.withdraw(from_account=everyday, amount=Decimal(60))
    close_account(account=everyday)
    freeze_account(account=shop, reason="Stolen till")
    page = staff.get(page_of(paid, "refund"))
    names = ("Everyday of Mara Lindt, which paid, is closed", "Till 3 of Book Nook is frozen")
    assert not lacks(text_of(page), *names)
    assert not lacks(page.content.decode(), f'href="{DESK}"', str(shop.pk))
    assert 'name="amount"' not in page.content.decode()
    sent = staff.post(page_of(paid, "refund"), said_by_staff(step="book"))
    assert not lacks(text_of(sent), "is closed", "Came damaged")
    assert not paid.reversals.exists()


def test_the_page_of_a_transaction_tells_why(staff: Client, clerk: User, paid: Transaction) -> None:
    staff.post(page_of(paid, "refund"), said_by_staff(message="Sorry", step="book"))
    row = Transaction.objects.get(reverses=paid)
    for of in (row, paid):
        said = text_of(staff.get(page_of(of)))
        assert "Refunded by Clerk," in said
        assert not lacks(said, "Came damaged", "The customer reads: Sorry")
    assert "left to refund 27.50 USD" in text_of(staff.get(page_of(paid)))
