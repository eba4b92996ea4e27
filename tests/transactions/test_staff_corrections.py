"""Staff refund, capture and hold by forms: reviewed in words, booked once, with a reason."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.groups import ANALYSTS, ensure_groups
from accounts.models import Account, User
from accounts.services import freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory, balances, hold_that_ended
from tests.transactions.test_transfer_page import text_of
from transactions import services
from transactions.audit import audit
from transactions.models import Note, Transaction

pytestmark = pytest.mark.django_db
HOLD = reverse("admin:transactions_transaction_hold")
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def everyday() -> Account:
    return AccountFactory(balance="100", user__name="Mara Lindt")


@pytest.fixture
def shop() -> Account:
    return AccountFactory(name="Till 3", user__name="Book Nook", balance="10")


@pytest.fixture
def paid(everyday: Account, shop: Account) -> Transaction:
    return services.transfer(
        from_account=everyday, to_account=shop, amount=Decimal(40), description="Two atlases",
        reference="INV-7", metadata={"category": "shopping", "note": "x"},
    )  # fmt: skip


@pytest.fixture
def held(everyday: Account, shop: Account) -> Transaction:
    return services.hold(
        from_account=everyday, to_account=shop, amount=Decimal(60), description="Room 7",
        reference="R-7", metadata={"category": "travel"},
    )  # fmt: skip


def page_of(row: Transaction, name: str = "change") -> str:
    return reverse(f"admin:transactions_transaction_{name}", args=[row.pk])


def said_by_staff(**changes: Any) -> dict[str, Any]:
    return {"id": str(uuid7()), "amount": "12.50", "reason": "Came damaged", **changes}


def hold_form(account: Account, **changes: Any) -> dict[str, Any]:
    until = timezone.localdate() + timedelta(days=3)
    filled = {"number": account.number, "description": "Hotel Aurora", "until": until.isoformat()}
    return said_by_staff(**{**filled, **changes})


def messages_of(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


# Refunds


def test_a_refund_is_reviewed_in_words_before_anything_moves(
    staff: Client, everyday: Account, shop: Account, paid: Transaction
) -> None:
    address = staff.get(page_of(paid, "refund"))["Location"]
    form = text_of(staff.get(address))
    assert "40.00 USD from Everyday of Mara Lindt to Till 3 of Book Nook" in form
    said = text_of(staff.post(address, said_by_staff(message="Sorry")))
    assert "Refund 12.50 USD of 40.00 USD to Everyday of Mara Lindt, account" in said
    assert "Balance of Mara Lindt 60.00 → 72.50 USD" in said
    assert "Balance of Book Nook 50.00 → 37.50 USD" in said
    assert "Left to refund 27.50 Reason Came damaged The customer reads Sorry" in said
    assert balances(everyday, shop) == [60, 50]
    assert not Note.objects.exists()


def test_a_refund_is_booked_once_however_often_it_is_sent(
    staff: Client, clerk: User, everyday: Account, shop: Account, paid: Transaction
) -> None:
    filled = said_by_staff(amount="40", message="Sorry", book="1")
    answers = [staff.post(page_of(paid, "refund"), filled) for _ in range(3)]
    row = Transaction.objects.get(reverses=paid)
    assert {answer["Location"] for answer in answers} == {page_of(row)}
    assert "Refunded 40.00" in messages_of(answers[0])[0]
    assert "nothing was booked again" in messages_of(answers[2])[-1]
    assert (str(row.pk), row.amount, row.created_by) == (filled["id"], 40, clerk)
    assert (row.description, row.reference) == ("Refund: Two atlases", "INV-7")
    assert row.metadata == {"category": "shopping"}
    note = Note.objects.get(transaction=row)
    assert (note.action, note.reason, note.message) == ("refund", "Came damaged", "Sorry")
    assert note.written_by == clerk
    assert balances(everyday, shop) == [100, 10]
    assert audit().clean


def test_going_back_to_the_address_of_a_booked_form_leads_to_the_row(
    staff: Client, paid: Transaction
) -> None:
    address = staff.get(page_of(paid, "refund"))["Location"]
    id = address.partition("=")[2]
    staff.post(address, said_by_staff(id=id, amount="40", book="1"))
    again = staff.get(address)
    assert again["Location"] == page_of(Transaction.objects.get(pk=id))
    assert "nothing was booked again" in messages_of(again)[-1]


def test_a_booked_form_cannot_be_changed_and_sent_again(staff: Client, paid: Transaction) -> None:
    filled = said_by_staff(book="1")
    staff.post(page_of(paid, "refund"), filled)
    said = text_of(staff.post(page_of(paid, "refund"), {**filled, "amount": "13"}))
    assert "was booked before, with other details" in said
    assert paid.reversals.count() == 1


def test_parts_never_exceed_the_whole(staff: Client, paid: Transaction) -> None:
    staff.post(page_of(paid, "refund"), said_by_staff(amount="30", book="1"))
    form = staff.get(page_of(paid, "refund"), follow=True)
    assert "30.00 USD was refunded before; 10.00 USD is left" in text_of(form)
    assert form.context["form"]["amount"].value() == "10.00"
    for button in ("review", "book"):
        filled = said_by_staff(amount="10.01", **{button: "1"})
        answer = staff.post(page_of(paid, "refund"), filled)
        (error,) = answer.context["form"].errors["amount"]
        assert error.startswith("10.00 USD of this transaction is left")
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
    assert "Till 3 is frozen" in text_of(answer)


def test_a_refund_of_money_that_came_in_or_went_out_says_which(
    staff: Client, everyday: Account
) -> None:
    came = Transaction.objects.get(to_account=everyday, type="deposit")
    said = text_of(staff.post(page_of(came, "refund"), said_by_staff()))
    assert "Take 12.50 USD of 100.00 USD back from Everyday of Mara Lindt" in said
    went = services.withdraw(from_account=everyday, amount=Decimal(20), description="ATM")
    said = text_of(staff.post(page_of(went, "refund"), said_by_staff()))
    assert "Refund 12.50 USD of 20.00 USD to Everyday of Mara Lindt" in said


@pytest.mark.parametrize(("of", "sentence"), [
    (lambda paid, held: services.reverse(transaction=paid), "It is a refund itself"),
    (lambda paid, held: services.reverse(transaction=paid) and paid, "refunded in full"),
    (lambda paid, held: held, "It is a hold, and nothing was booked"),
])  # fmt: skip
def test_what_cannot_be_refunded_says_why_and_books_nothing(
    of: Callable[[Transaction, Transaction], Transaction], sentence: str,
    staff: Client, paid: Transaction, held: Transaction,
) -> None:  # fmt: skip
    row = of(paid, held)
    count = Transaction.objects.count()
    for answer in (
        staff.get(page_of(row, "refund")),
        staff.post(page_of(row, "refund"), said_by_staff(book="1")),
    ):
        assert answer["Location"] == page_of(row)
        assert sentence in messages_of(answer)[-1]
    assert f'href="{page_of(row, "refund")}"' not in staff.get(page_of(row)).content.decode()
    assert Transaction.objects.count() == count


# Captures


def test_a_part_is_captured_and_the_rest_released(
    staff: Client, clerk: User, everyday: Account, shop: Account, held: Transaction
) -> None:
    filled = said_by_staff(amount="45", reason="Checked out")
    said = text_of(staff.post(page_of(held, "capture"), filled))
    assert "Capture 45.00 USD of 60.00 USD held on Everyday of Mara Lindt for Book Nook." in said
    assert "Balance of Mara Lindt 100.00 → 55.00 USD" in said
    assert "Released at once 15.00" in said
    for _ in range(2):
        staff.post(page_of(held, "capture"), {**filled, "book": "1"})
    row = Transaction.objects.get(captures=held)
    assert (row.amount, row.description, row.reference) == (45, "Room 7", "R-7")
    assert (row.metadata, row.created_by) == ({"category": "travel"}, clerk)
    assert Note.objects.get(transaction=row).reason == "Checked out"
    everyday.refresh_from_db()
    assert (everyday.balance, everyday.held) == (55, 0)
    assert balances(shop) == [55]
    assert audit().clean


def test_no_more_is_captured_than_is_held(staff: Client, held: Transaction) -> None:
    answer = staff.post(page_of(held, "capture"), said_by_staff(amount="60.01", book="1"))
    assert "60.01 is more than that" in str(answer.context["form"].errors["amount"])
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
        (expired, "It has expired"), (voided, "released before"), (held, "captured before"),
        (paid, "booked already"),
    ):  # fmt: skip
        answer = staff.post(page_of(row, "capture"), said_by_staff(amount="1", book="1"))
        assert sentence in messages_of(answer)[-1]
        assert f'href="{page_of(row, "capture")}"' not in staff.get(page_of(row)).content.decode()


# Holds


def test_a_hold_is_placed_once_after_a_review(
    staff: Client, clerk: User, everyday: Account, shop: Account
) -> None:
    form = staff.get(HOLD, {"account": str(everyday.pk)}, follow=True).context["form"]
    assert form["number"].value().replace(" ", "") == everyday.number
    assert form["until"].value() == timezone.localdate() + timedelta(days=7)
    filled = hold_form(everyday, amount="60", payee=shop.number)
    said = text_of(staff.post(HOLD, filled))
    assert "Hold 60.00 USD on Everyday of Mara Lindt, account" in said
    assert "For Hotel Aurora Their account Till 3 of Book Nook" in said
    assert "Available 100.00 → 40.00 USD" in said
    answers = [staff.post(HOLD, {**filled, "book": "1"}) for _ in range(2)]
    row = Transaction.objects.get(status="pending")
    assert [answer["Location"] for answer in answers] == [page_of(row)] * 2
    assert (row.from_account, row.to_account, row.created_by) == (everyday, shop, clerk)
    assert (
        f"{timezone.localtime(row.expires_at):%Y-%m-%d %H:%M:%S}" == f"{filled['until']} 23:59:59"
    )
    assert Note.objects.get(transaction=row).action == "hold"
    assert audit().clean


@pytest.mark.parametrize(("changes", "field", "sentence"), [
    ({"until": "2020-01-01"}, "until", "That day is over"),
    ({"until": "2999-01-01"}, "until", "a year at most"),
    ({"until": ""}, "until", "required"),
    ({"description": " "}, "description", "required"),
    ({"reason": " "}, "reason", "required"),
    ({"number": "4821 0937 5540"}, "number", "check digits"),
    ({"payee": "12"}, "payee", "12 digits"),
    ({"amount": "0.001"}, "amount", "USD has 2 decimals; 0.001 has more."),
    ({"amount": "-1"}, "amount", "without a minus sign"),
    ({"amount": "100.01"}, "amount", "100.01 is too much by 0.01"),
])  # fmt: skip
@pytest.mark.parametrize("button", ["review", "book"])
def test_a_hold_that_cannot_be_is_an_error_in_its_place(
    button: str, changes: dict[str, str], field: str, sentence: str,
    staff: Client, everyday: Account,
) -> None:  # fmt: skip
    answer = staff.post(HOLD, hold_form(everyday, **{"amount": "1", **changes, button: "1"}))
    assert sentence in str(answer.context["form"].errors[field])
    assert not Transaction.objects.filter(status="pending").exists()


def test_a_hold_meets_the_limits_of_the_account(staff: Client) -> None:
    limited = AccountFactory(balance="100", transfer_limit=Decimal(20))
    answer = staff.post(HOLD, hold_form(limited, amount="21", book="1"))
    assert "above the limit of 20.00" in str(answer.context["form"].errors["amount"])


# Who may


@pytest.mark.parametrize("who", ["staff", "root"])
def test_nobody_corrects_what_is_their_own(
    who: str, shop: Account, request: pytest.FixtureRequest
) -> None:
    client = request.getfixturevalue(who)
    me = User.objects.get(is_superuser=who == "root", is_staff=True)
    mine = AccountFactory(user=me, balance="50")
    paid = services.transfer(from_account=mine, to_account=shop, amount=Decimal(5))
    held = services.hold(from_account=mine, amount=Decimal(5))
    for row, name in ((paid, "refund"), (held, "capture")):
        answer = client.post(page_of(row, name), said_by_staff(amount="5", book="1"))
        assert "your own account" in messages_of(answer)[-1]
        assert f'href="{page_of(row, name)}"' not in client.get(page_of(row)).content.decode()
    answer = client.post(HOLD, hold_form(mine, amount="5", book="1"))
    assert "This account is yours" in text_of(answer)
    for payee, sentence in ((mine, "This account is yours"), (shop, "two different accounts")):
        filled = hold_form(shop, amount="5", payee=payee.number, book="1")
        assert sentence in text_of(client.post(HOLD, filled))
    assert not Note.objects.exists()


def test_customers_and_analysts_reach_none_of_it(
    client: Client, everyday: Account, paid: Transaction, held: Transaction
) -> None:
    analyst = UserFactory()
    analyst.groups.add(ensure_groups()[ANALYSTS])
    pages = [page_of(paid, "refund"), page_of(held, "capture"), page_of(held, "release"), HOLD]
    for person in (everyday.user, analyst):
        client.force_login(person)
        for url in pages:
            assert client.get(url, follow=True).status_code == 403
            assert client.post(url, said_by_staff(book="1"), follow=True).status_code == 403
    assert not analyst.has_perm("transactions.refund_transactions")
    assert Transaction.objects.filter(status="pending").count() == 1
    assert not Note.objects.exists()


@pytest.mark.parametrize(("permission", "open_pages"), [
    ("refund_transactions", {"refund"}),
    ("manage_holds", {"capture", "release", "hold"}),
    ("view_note", set()),
])  # fmt: skip
def test_each_page_asks_for_its_own_right(
    permission: str, open_pages: set[str], client: Client, paid: Transaction, held: Transaction
) -> None:
    colleague = UserFactory(is_staff=True)
    wanted = Permission.objects.filter(codename__in=[permission, "view_transaction"])
    colleague.user_permissions.set(wanted)
    client.force_login(colleague)
    pages = {
        "refund": page_of(paid, "refund"), "capture": page_of(held, "capture"),
        "release": page_of(held, "release"), "hold": HOLD,
    }  # fmt: skip
    for name, url in pages.items():
        assert client.get(url, follow=True).status_code == (200 if name in open_pages else 403)


def test_a_right_without_the_right_to_view_opens_nothing(client: Client, paid: Transaction) -> None:
    colleague = UserFactory(is_staff=True)
    colleague.user_permissions.add(Permission.objects.get(codename="refund_transactions"))
    client.force_login(colleague)
    answer = client.post(page_of(paid, "refund"), said_by_staff(book="1"))
    assert answer.status_code == 403
    assert not paid.reversals.exists()


def test_a_transaction_that_is_not_there_is_a_404(staff: Client) -> None:
    for name in ("refund", "capture", "release"):
        url = reverse(f"admin:transactions_transaction_{name}", args=[uuid7()])
        assert staff.get(url).status_code == 404


def test_what_people_wrote_comes_out_escaped(staff: Client, shop: Account) -> None:
    account = AccountFactory(balance="9", user=UserFactory(name=SCRIPT), name=SCRIPT)
    paid = services.transfer(
        from_account=account, to_account=shop, amount=Decimal(5), description=SCRIPT
    )
    held = services.hold(from_account=account, amount=Decimal(1), description=SCRIPT)
    for row, name in ((paid, "refund"), (held, "capture")):
        filled = said_by_staff(amount="1", reason=SCRIPT, message=SCRIPT)
        for answer in (
            staff.get(page_of(row, name), follow=True),
            staff.post(page_of(row, name), filled),
            staff.post(page_of(row, name), {**filled, "book": "1"}, follow=True),
        ):
            assert SCRIPT not in answer.content.decode()


def test_the_page_of_a_transaction_tells_why(staff: Client, clerk: User, paid: Transaction) -> None:
    staff.post(page_of(paid, "refund"), said_by_staff(message="Sorry", book="1"))
    row = Transaction.objects.get(reverses=paid)
    for of in (row, paid):
        said = text_of(staff.get(page_of(of)))
        assert "Refunded by Clerk," in said
        assert "Came damaged The customer reads: Sorry" in said
    assert "left to refund 27.50 USD" in text_of(staff.get(page_of(paid)))


def test_the_id_of_somebody_elses_booking_is_no_way_round_what_is_refused(
    staff: Client, clerk: User, shop: Account
) -> None:
    """A hold on the clerk's own account, captured by another: no note of the clerk's on it."""
    own = AccountFactory(user=clerk, balance="50")
    hold = services.hold(from_account=own, to_account=shop, amount=Decimal(20))
    capture = services.capture(hold=hold, created_by=UserFactory(is_staff=True))
    staff.post(page_of(hold, "capture"), said_by_staff(id=str(capture.pk), amount="20", book="1"))
    assert not Note.objects.exists()
