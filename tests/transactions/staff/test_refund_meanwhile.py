"""Two colleagues refund one payment at once: each sees the figures of this moment."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from accounts.models import User
from ledger.db.ids import uuid7
from tests.conftest import beside_the_request
from tests.factories import AccountFactory
from tests.pages import lacks, text_of
from tests.reviews import paid_id
from transactions import services
from transactions.models import Transaction
from transactions.staff.desk import steps

pytestmark = pytest.mark.django_db


@pytest.fixture
def paid() -> Transaction:
    everyday, shop = AccountFactory(balance="100"), AccountFactory()
    return services.transfer(from_account=everyday, to_account=shop, amount=Decimal(40))


def page_of(row: Transaction, name: str = "refund") -> str:
    return reverse(f"admin:transactions_transaction_{name}", args=[row.pk])


def filled(amount: str, **changes: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "amount": amount, "reason": "Came damaged", **changes}


def refund_beside(
    paid: Transaction, amount: str, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    """A colleague's refund lands after this page has read the books and before it asks them."""
    ask = getattr(services, service)

    def asked(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(services, service, ask)
        with beside_the_request():
            services.reverse(transaction=paid, amount=Decimal(amount))
        return ask(*args, **kwargs)

    monkeypatch.setattr(services, service, asked)


def test_the_review_says_what_is_left_after_what_a_colleague_booked_meanwhile(
    staff: Client, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_beside(paid, "20", monkeypatch, "preview")
    said = text_of(staff.post(page_of(paid), filled("12.50")))
    assert "Left to refund 7.50" in said


@pytest.mark.parametrize(("button", "service"), [("review", "preview"), ("book", "book")])
def test_a_refused_refund_shows_what_is_left_now(
    button: str, service: str,
    staff: Client, paid: Transaction, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    refund_beside(paid, "30", monkeypatch, service)
    answer = staff.post(page_of(paid), filled("12.50", step=button))
    (error,) = answer.context["form"].errors["amount"]
    assert not lacks(error, "10.00 USD", "12.50")
    said = text_of(answer)
    assert not lacks(said, "30.00 USD was refunded", "10.00 USD is left", "Enter all of 10.00 USD")
    assert paid.reversals.count() == 1


def agreed(staff: Client, paid: Transaction, form: dict[str, Any]) -> dict[str, Any]:
    """What the button of the review sends."""
    context = staff.post(page_of(paid), form).context
    return {**form, "figures": context["form"].figures, "step": "book"}


def test_what_was_agreed_to_with_other_figures_is_shown_once_more(
    staff: Client, clerk: User, paid: Transaction
) -> None:
    form = agreed(staff, paid, filled("12.50"))
    services.reverse(transaction=paid, amount=Decimal(20))
    answer = staff.post(page_of(paid), form)
    (told,) = get_messages(answer.wsgi_request)
    assert told.level_tag == "warning"
    assert "nothing was booked now" in str(told)
    assert "Left to refund 7.50" in text_of(answer)
    assert paid.reversals.count() == 1
    again = {**form, "figures": answer.context["form"].figures}
    booked = staff.post(page_of(paid), again)
    row = Transaction.objects.get(pk=paid_id(clerk, form))
    assert booked["Location"] == page_of(row, "change")
    assert row.amount == Decimal("12.50")


def test_the_review_carries_the_figures_it_shows(staff: Client, paid: Transaction) -> None:
    page = staff.post(page_of(paid), filled("12.50")).content.decode()
    assert '<input type="hidden" name="figures" value="40.00">' in page


@pytest.mark.parametrize("meanwhile", [
    lambda paid: None,
    lambda paid: services.deposit(to_account=paid.from_account, amount=Decimal(1)),
])  # fmt: skip
def test_other_payments_of_the_accounts_hold_no_refund_up(
    meanwhile: Callable[[Transaction], Any], staff: Client, paid: Transaction
) -> None:
    form = agreed(staff, paid, filled("12.50"))
    meanwhile(paid)
    staff.post(page_of(paid), form)
    assert paid.reversals.get().amount == Decimal("12.50")


def test_pressing_twice_still_books_once(staff: Client, paid: Transaction) -> None:
    form = agreed(staff, paid, filled("12.50"))
    answers = [staff.post(page_of(paid), form) for _ in range(2)]
    row = paid.reversals.get()
    assert [answer["Location"] for answer in answers] == [page_of(row, "change")] * 2


@pytest.mark.parametrize("amount", ["12.50", "30", "40"])  # some is left, too little, nothing
def test_a_press_that_comes_while_another_one_books_leads_to_the_booked_row(
    amount: str, staff: Client, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    form = agreed(staff, paid, filled(amount))
    look_up = steps.booked_before

    def not_yet(*args: Any) -> Transaction | None:
        monkeypatch.setattr(steps, "booked_before", look_up)
        found = look_up(*args)
        with beside_the_request():
            staff.post(page_of(paid), form)
        return found

    monkeypatch.setattr(steps, "booked_before", not_yet)
    answer = staff.post(page_of(paid), form)
    assert answer["Location"] == page_of(paid.reversals.get(), "change")
    assert [told.message for told in get_messages(answer.wsgi_request)][-1] == steps.BOOKED_ALREADY
