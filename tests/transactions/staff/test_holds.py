"""Staff place a hold, and capture one whole or in part: reviewed, done once, with a reason."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Account, User
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, balances, hold_that_ended
from tests.pages import lacks, text_of, texts_of
from tests.transactions.staff.forms import HOLD, hold_form, messages_of, page_of, said_by_staff
from transactions import services
from transactions.audit.audit import audit
from transactions.exceptions import HOLD_CAPTURED, HOLD_EXPIRED, HOLD_RELEASED, NOT_A_HOLD
from transactions.models import StaffReason, Transaction

pytestmark = pytest.mark.django_db


def test_a_part_is_captured_and_the_rest_released(
    staff: Client, clerk: User, everyday: Account, shop: Account, held: Transaction
) -> None:
    filled = said_by_staff(amount="45", reason="Checked out")
    review = staff.post(page_of(held, "capture"), filled)
    (sentence,), (facts,) = texts_of(review, "review__sentence"), texts_of(review, "review")
    assert not lacks(sentence, "45.00 USD of 60.00 USD", "Everyday of Mara Lindt", "Book Nook")
    assert not lacks(facts, "Mara Lindt 100.00 → 55.00 USD", "Released immediately 15.00")
    for _ in range(2):
        staff.post(page_of(held, "capture"), {**filled, "step": "book"})
    row = Transaction.objects.get(captures=held)
    assert (row.amount, row.description, row.reference) == (45, "Room 7", "R-7")
    assert (row.metadata, row.created_by) == ({"category": "travel"}, clerk)
    assert StaffReason.objects.get(transaction=row).reason == "Checked out"
    everyday.refresh_from_db()
    assert (everyday.balance, everyday.held) == (55, 0)
    assert balances(shop) == [55]
    assert audit().clean


def test_no_more_is_captured_than_is_held(staff: Client, held: Transaction) -> None:
    answer = staff.post(page_of(held, "capture"), said_by_staff(amount="60.01", step="book"))
    assert "and 60.01 is more" in str(answer.context["form"].errors["amount"])
    held.refresh_from_db()
    assert held.is_pending


def test_an_ended_hold_is_not_captured(
    staff: Client, everyday: Account, paid: Transaction, held: Transaction
) -> None:
    past = timezone.now() - timedelta(seconds=1)
    services.capture(hold=held, amount=Decimal(1))
    expired = hold_that_ended(everyday, Decimal(1), expires_at=past)
    voided = services.void(hold=services.hold(from_account=everyday, amount=Decimal(1)))
    for row, sentence in (
        (expired, HOLD_EXPIRED), (voided, HOLD_RELEASED), (held, HOLD_CAPTURED), (paid, NOT_A_HOLD),
    ):  # fmt: skip
        answer = staff.post(page_of(row, "capture"), said_by_staff(amount="1", step="book"))
        assert sentence in text_of(answer)
        assert f'href="{page_of(row, "capture")}"' not in staff.get(page_of(row)).content.decode()


def test_a_hold_is_placed_once_after_a_review(
    staff: Client, clerk: User, everyday: Account, shop: Account
) -> None:
    form = staff.get(HOLD, {"account": str(everyday.pk)}, follow=True).context["form"]
    assert form["number"].value().replace(" ", "") == everyday.number
    assert form["until"].value() == timezone.localdate() + timedelta(days=7)
    filled = hold_form(everyday, amount="60", payee=shop.number)
    review = staff.post(HOLD, filled)
    (sentence,), (facts,) = texts_of(review, "review__sentence"), texts_of(review, "review")
    assert not lacks(sentence, "60.00 USD", "Everyday of Mara Lindt")
    assert not lacks(facts, "For Hotel Aurora", "account Till 3 of Book Nook")
    assert "Available 100.00 → 40.00 USD" in facts
    answers = [staff.post(HOLD, {**filled, "step": "book"}) for _ in range(2)]
    row = Transaction.objects.get(status="pending")
    assert [answer["Location"] for answer in answers] == [page_of(row)] * 2
    assert (row.from_account, row.to_account, row.created_by) == (everyday, shop, clerk)
    assert (
        f"{timezone.localtime(row.expires_at):%Y-%m-%d %H:%M:%S}" == f"{filled['until']} 23:59:59"
    )
    assert StaffReason.objects.get(transaction=row).action == "hold"
    assert audit().clean


@pytest.mark.parametrize("button", ["review", "book"])
def test_sent_again_after_its_last_day_it_is_booked_already(
    button: str, staff: Client, clerk: User, everyday: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled = hold_form(everyday, amount="60", until=timezone.localdate().isoformat())
    staff.post(HOLD, {**filled, "step": "book"})
    row = Transaction.objects.get(status="pending")
    tomorrow = timezone.now() + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    staff.force_login(clerk)
    answer = staff.post(HOLD, {**filled, "step": button})
    assert answer["Location"] == page_of(row)
    assert "already booked" in messages_of(answer)[-1]
    other = staff.post(HOLD, {**filled, "amount": "59", "step": button})
    assert "booked before with different details" in str(other.context["form"].errors)
    new = staff.post(HOLD, {**filled, "id": str(uuid7()), "step": button})
    assert "This day is in the past" in str(new.context["form"].errors["until"])
    assert Transaction.objects.filter(from_account=everyday, status="pending").count() == 1


@pytest.mark.parametrize(("changes", "field", "sentence"), [
    ({"until": "2020-01-01"}, "until", "This day is in the past"),
    ({"until": "2999-01-01"}, "until", "one year at most"),
    ({"until": ""}, "until", "required"),
    ({"description": " "}, "description", "required"),
    ({"reason": " "}, "reason", "required"),
    ({"number": "4821 0937 5540"}, "number", "check digits"),
    ({"payee": "12"}, "payee", "12 digits"),
    ({"amount": "0.001"}, "amount", "USD has 2 decimals, but 0.001 has more."),
    ({"amount": "-1"}, "amount", "without a minus sign"),
    ({"amount": "100.01"}, "amount", "100.01 is too much by 0.01"),
])  # fmt: skip
@pytest.mark.parametrize("button", ["review", "book"])
def test_a_hold_that_cannot_be_is_an_error_in_its_place(
    button: str, changes: dict[str, str], field: str, sentence: str,
    staff: Client, everyday: Account,
) -> None:  # fmt: skip
    answer = staff.post(HOLD, hold_form(everyday, **{"amount": "1", **changes, "step": button}))
    assert sentence in str(answer.context["form"].errors[field])
    assert not Transaction.objects.filter(status="pending").exists()


def test_a_hold_meets_the_limits_of_the_account(staff: Client) -> None:
    limited = AccountFactory(balance="100", transfer_limit=Decimal(20))
    answer = staff.post(HOLD, hold_form(limited, amount="21", step="book"))
    assert "above the limit of 20.00" in str(answer.context["form"].errors["amount"])
