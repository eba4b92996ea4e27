"""Cash moves at the cash desk alone, after a review, and once."""

from decimal import Decimal

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from accounts import services as account_services
from accounts.models import Account, User
from ledger.text.money import account_number
from tests.conftest import permissions
from tests.factories import AccountFactory, UserFactory, move_bank
from tests.pages import lacks, texts_of
from tests.reviews import paid_id
from tests.transactions.staff.forms import DESK, messages_of, page_of, slip
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction
from transactions.safeguards.keys import transaction_id_for
from transactions.services import Draft
from transactions.staff.approvals.requests import ask_for

pytestmark = pytest.mark.django_db


def test_a_slip_is_reviewed_in_words_before_anything_moves(staff: Client, account: Account) -> None:
    prefilled = staff.get(DESK, {"account": str(account.pk)}, follow=True).content.decode()
    assert account_number(account.number) in prefilled
    review = staff.post(DESK, slip(account))
    (sentence,) = texts_of(review, "review__sentence")
    assert not lacks(sentence, "Deposit 50.00 USD", "Everyday of Ana Ferreira")
    assert "10.00 → <strong>60.00</strong> USD" in review.content.decode()
    changed = staff.post(DESK, slip(account, step="edit", amount="12.34"))
    assert "12.34" in changed.content.decode()
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(("kind", "amount", "balance", "description"), [
    ("deposit", "1,250.5", "1260.5", "Cash deposit"),
    ("withdraw", "10", "0", "Cash withdrawal"),
])  # fmt: skip
def test_a_slip_is_booked_once_however_often_it_is_sent(
    kind: str, amount: str, balance: str, description: str,
    staff: Client, clerk: User, account: Account,
) -> None:  # fmt: skip
    filled = slip(account, kind=kind, amount=amount, reference="S-1", step="book")
    answers = [staff.post(DESK, filled) for _ in range(2)]
    row = Transaction.objects.get(reference="S-1")
    assert [answer["Location"] for answer in answers] == [page_of(row), page_of(row)]
    assert "nothing was booked again" in messages_of(answers[1])[-1]
    made = paid_id(clerk, filled), clerk, description
    assert (row.pk, row.created_by, row.description) == made
    assert row.metadata == {"category": "cash", "channel": "cash desk"}
    account.refresh_from_db()
    assert account.balance == Decimal(balance)
    (told, *_) = get_messages(answers[0].wsgi_request)
    assert description in str(told)
    assert audit().clean


@pytest.mark.parametrize("button", ["review", "edit", "book"])
def test_going_back_after_booking_leads_to_the_booked_row(
    button: str, staff: Client, clerk: User, account: Account
) -> None:
    filled = slip(account)
    staff.post(DESK, {**filled, "step": "book"})
    answer = staff.post(DESK, {**filled, "step": button})
    assert answer["Location"] == page_of(Transaction.objects.get(pk=paid_id(clerk, filled)))
    assert "nothing was booked again" in messages_of(answer)[-1]
    account.refresh_from_db()
    assert account.balance == 60


def test_a_browser_may_keep_the_slip_to_go_back_to(staff: Client, account: Account) -> None:
    """The review, which answers a POST: no browser asks for that again on its own."""
    assert staff.post(DESK, slip(account))["Cache-Control"] == "private"
    assert staff.get(DESK, follow=True)["Cache-Control"] == "private, no-store"


def test_the_slip_carries_its_key_in_its_address(
    staff: Client, clerk: User, account: Account
) -> None:
    first, second = (staff.get(DESK, follow=True).redirect_chain[-1][0] for _ in range(2))
    assert first != second
    filled = slip(account, id=first.partition("=")[2], step="book")
    assert f'action="?id={filled["id"]}"' in staff.get(first).content.decode()
    staff.post(DESK, filled)
    again = staff.get(first)
    assert again["Location"] == page_of(Transaction.objects.get(pk=paid_id(clerk, filled)))
    assert "nothing was booked again" in messages_of(again)[-1]


def test_a_booked_slip_cannot_be_changed_and_sent_again(staff: Client, account: Account) -> None:
    filled = slip(account, step="book")
    staff.post(DESK, filled)
    answer = staff.post(DESK, {**filled, "amount": "500"})
    assert "with different details" in str(answer.context["form"].errors)
    account.refresh_from_db()
    assert account.balance == 60


@pytest.mark.parametrize("amount", [
    "-1", "0", "0.00", "0.001", "NaN", "Infinity", "1e400", "1e2", "\uff15\uff10", "\u0665\u0660",
    "9" * 30, "", " ", "$5", "1,5", "1,00,0", "+5", "5.", ".5", "0x10", "5\x00", "1_000",
])  # fmt: skip
@pytest.mark.parametrize("button", ["book", "review"])
def test_an_amount_that_is_none_is_an_error(
    amount: str, button: str, staff: Client, account: Account
) -> None:
    answer = staff.post(DESK, slip(account, amount=amount, description="Kept", step=button))
    assert answer.status_code == 200
    assert answer.context["form"].errors["amount"]
    assert "Kept" in answer.content.decode()
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize(("changes", "field"), [
    ({"number": "4821 0937 5540"}, "number"),
    ({"number": "abc"}, "number"),
    ({"kind": "steal"}, "kind"),
    ({"id": "no-id"}, "id"),
    ({"description": "x" * 501}, "description"),
    ({"reference": "x" * 141}, "reference"),
])  # fmt: skip
def test_a_slip_that_is_not_filled_in_right_is_an_error(
    changes: dict[str, str], field: str, staff: Client, account: Account
) -> None:
    answer = staff.post(DESK, slip(account, step="book", **changes))
    assert answer.context["form"].errors[field]
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("button", ["review", "book"])
def test_what_the_books_refuse_is_said_and_what_was_typed_stays(
    button: str, staff: Client, clerk: User, account: Account
) -> None:
    asked = slip(account, kind="withdraw", amount="10.01", reference="S-9", step=button)
    answer = staff.post(DESK, asked)
    page = answer.content.decode()
    refusal = str(answer.context["form"].errors)
    assert not lacks(refusal, "10.00 available", "10.01", "by 0.01")
    assert "S-9" in page
    assert 'value="book"' not in page
    account_services.freeze_account(account=account, reason="Lost card")
    assert "Unfreeze" in str(staff.post(DESK, asked).context["form"].errors)
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("button", ["review", "book"])
@pytest.mark.parametrize("kind", ["deposit", "withdraw"])
def test_a_closed_account_is_refused_in_words_for_staff(
    kind: str, button: str, staff: Client
) -> None:
    closed = AccountFactory()
    account_services.close_account(account=closed)
    answer = staff.post(DESK, slip(closed, kind=kind, step=button))
    assert "is closed" in str(answer.context["form"].errors)
    assert not Transaction.objects.exists()


@pytest.mark.parametrize("kind", ["deposit", "withdraw"])
@pytest.mark.parametrize("who", ["staff", "root"])
def test_nobody_serves_themselves(kind: str, who: str, request: pytest.FixtureRequest) -> None:
    client = request.getfixturevalue(who)
    me = User.objects.get(is_superuser=who == "root", is_staff=True)
    own = AccountFactory(user=me, balance="10")
    answer = client.post(DESK, slip(own, kind=kind, amount="1", step="book"))
    assert "This account is yours" in answer.content.decode()
    assert Transaction.objects.count() == 1


def test_a_clerk_who_may_not_view_transactions_stays_at_the_desk(
    client: Client, account: Account
) -> None:
    clerk = UserFactory(is_staff=True)
    clerk.user_permissions.set(permissions("use_cash_desk", "view_contact_details"))
    client.force_login(clerk)
    assert client.post(DESK, slip(account, step="book"))["Location"] == DESK
    assert Transaction.objects.filter(created_by=clerk).count() == 1


def test_the_id_of_somebody_elses_booking_is_booked_as_an_unused_one(
    staff: Client, clerk: User, account: Account
) -> None:
    taken = Transaction.objects.get(to_account=account)
    filled = slip(account, id=taken.pk, step="book")
    booked = paid_id(clerk, filled)
    assert staff.post(DESK, filled)["Location"] == page_of(Transaction.objects.get(pk=booked))


def test_a_form_from_before_the_move_is_booked_once(
    staff: Client, clerk: User, account: Account
) -> None:
    before = services.deposit(
        to_account=account, amount=Decimal(50), description="Cash deposit", created_by=clerk,
        metadata={"category": "cash", "channel": "cash desk"},
    )  # fmt: skip
    seen = services.preview(Draft(to_account=account, amount=Decimal(20_000), created_by=clerk))
    asked = ask_for(seen, reason="Sold a house", asked_by=clerk)
    move_bank()
    answer = staff.post(DESK, slip(account, id=before.pk, step="book"))
    assert answer["Location"] == page_of(before)
    assert transaction_id_for(clerk, asked.transaction_id) == asked.transaction_id
    account.refresh_from_db()
    assert account.balance == 60
