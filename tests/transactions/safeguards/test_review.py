"""Nobody can be made to pay something that they did not review: tests with skipped, changed, old
and foreign reviews.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from django.core import signing
from django.db import connection
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Account, User
from banking.payment_files.models import PaymentFile
from ledger.db.ids import uuid7
from tests.banking.payment_files.files import checked, pay
from tests.factories import AccountFactory, UserFactory, balances
from tests.pages import text_of
from tests.reviews import TRANSFER, book, reviewed, token_of
from transactions import services
from transactions.audit.audit import audit
from transactions.models import Transaction
from transactions.safeguards import review
from transactions.safeguards.review import REVIEW_MINUTES

pytestmark = pytest.mark.django_db
Form = dict[str, Any]


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


@pytest.fixture
def form(mine: Account, theirs: Account) -> Form:
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number,
        "amount": "50.00", "description": "Rent", "reference": "R-1",
    }  # fmt: skip


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """A function that moves the clock of signatures."""
    now = signing.time.time  # type: ignore[attr-defined]

    def move(by: timedelta) -> None:
        monkeypatch.setattr(signing.time, "time", lambda: now() + by.total_seconds())  # type: ignore[attr-defined]

    return move


def transfers() -> int:
    count: int = Transaction.objects.filter(type="transfer").count()
    return count


def assert_reviewed_again(response: Any) -> None:
    """Checks that nothing was booked, and that the page shows a review of the sent values with a
    new token.
    """
    assert response.status_code == 200
    assert token_of(response)
    assert "Nothing was booked yet" in text_of(response)
    assert transfers() == 0


@pytest.mark.parametrize("token", [None, "", "x", "a:b:c", "\x00", "é:1:2"])
def test_sending_without_a_review_books_nothing_and_shows_it(
    ana: Client, form: Form, token: str | None
) -> None:
    sent = {**form, "step": "send"} | ({} if token is None else {"reviewed": token})
    response = ana.post(TRANSFER, sent)
    assert_reviewed_again(response)
    assert ana.post(TRANSFER, {**sent, "reviewed": token_of(response)}).status_code == 302


@pytest.mark.parametrize(
    "change",
    [
        lambda: {"id": str(uuid7())},
        lambda: {"amount": "50.01"},
        lambda: {"amount": "5000"},
        lambda: {"description": "Gift"},
        lambda: {"description": ""},
        lambda: {"reference": "R-2"},
        lambda: {"number": AccountFactory().number},
        lambda: {"from_account": str(Account.objects.get(name="Savings").pk)},
    ],
)
def test_no_field_of_a_review_can_be_changed(
    ana: Client, mine: Account, form: Form, change: Callable[[], Form]
) -> None:
    AccountFactory(user=mine.user, name="Savings", balance="9000")
    AccountFactory(user=mine.user, name="Travel", balance="9000")
    seen = reviewed(ana, TRANSFER, form)
    response = ana.post(TRANSFER, {**seen, **change(), "step": "send"})
    assert response.status_code == 200
    assert transfers() == 0
    if token_of(response):  # otherwise the form shows why this cannot be paid at all
        assert_reviewed_again(response)


def test_a_review_times_out(ana: Client, form: Form, later: Callable[[timedelta], None]) -> None:
    seen = reviewed(ana, TRANSFER, form)
    later(timedelta(minutes=REVIEW_MINUTES, seconds=1))
    assert_reviewed_again(ana.post(TRANSFER, {**seen, "step": "send"}))


def test_a_review_holds_until_it_times_out(
    ana: Client, form: Form, later: Callable[[timedelta], None]
) -> None:
    seen = reviewed(ana, TRANSFER, form)
    later(timedelta(minutes=REVIEW_MINUTES - 1))
    assert ana.post(TRANSFER, {**seen, "step": "send"}).status_code == 302


def test_a_review_of_another_session_of_the_same_person_is_worth_nothing(
    ana: Client, mine: Account, form: Form
) -> None:
    elsewhere = Client()
    elsewhere.force_login(mine.user)
    seen = reviewed(elsewhere, TRANSFER, form)
    assert_reviewed_again(ana.post(TRANSFER, {**seen, "step": "send"}))


def test_a_review_of_another_person_is_worth_nothing(ana: Client, form: Form) -> None:
    other = AccountFactory(balance="1000")
    theirs = Client()
    theirs.force_login(other.user)
    seen = reviewed(theirs, TRANSFER, {**form, "from_account": str(other.pk)})
    assert_reviewed_again(
        ana.post(TRANSFER, {**form, "reviewed": seen["reviewed"], "step": "send"})
    )


def test_a_review_that_was_booked_books_nothing_more(
    ana: Client, mine: Account, theirs: Account, form: Form
) -> None:
    seen = reviewed(ana, TRANSFER, form)
    answers = [ana.post(TRANSFER, {**seen, "step": "send"}) for _ in range(3)]
    assert len({answer["Location"] for answer in answers}) == 1
    replayed = ana.post(TRANSFER, {**seen, "id": str(uuid7()), "step": "send"})
    assert "Nothing was booked yet" in text_of(replayed)
    assert balances(mine, theirs) == [950, 50]


def test_a_review_that_times_out_after_it_was_booked_still_leads_to_the_receipt(
    ana: Client, form: Form, later: Callable[[timedelta], None]
) -> None:
    seen = reviewed(ana, TRANSFER, form)
    first = ana.post(TRANSFER, {**seen, "step": "send"})
    later(timedelta(days=2))
    assert ana.post(TRANSFER, {**seen, "step": "send"})["Location"] == first["Location"]


@pytest.mark.django_db(transaction=True)
def test_fifty_threads_that_send_one_review_pay_once(
    ana: Client, mine: Account, theirs: Account, form: Form
) -> None:
    seen = {**reviewed(ana, TRANSFER, form), "step": "send"}
    together, answers = threading.Barrier(50, timeout=60), []

    def press() -> None:
        client = Client()
        client.cookies = ana.cookies
        together.wait()
        answers.append(client.post(TRANSFER, seen))
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A person who waited too long for the lock gets a message. Nothing is booked twice.
    assert {answer.status_code for answer in answers} <= {302, 503}
    assert len({answer["Location"] for answer in answers if answer.status_code == 302}) == 1
    assert balances(mine, theirs) == [950, 50]
    assert audit().clean


# --- payment files ---------------------------------------------------------------------------


@pytest.fixture
def file(mine: Account, theirs: Account) -> Iterator[PaymentFile]:
    return checked(mine, pay(theirs, 20), pay(theirs, 30))  # type: ignore[return-value]


def page_of(file: PaymentFile) -> str:
    return f"/transfers/files/{file.pk}/"


def shown(client: Client, file: PaymentFile) -> Form:
    """Returns the values that the buttons of the page send."""
    page = client.get(page_of(file))
    return {name: page.context[name] for name in ("agreed", "reviewed")}


@pytest.mark.parametrize("step", ["pay", "whole"])
@pytest.mark.django_db(transaction=True)
def test_a_file_is_paid_only_from_a_page_that_showed_it(
    ana: Client, mine: Account, theirs: Account, file: PaymentFile, step: str
) -> None:
    seen, other = shown(ana, file), checked(mine, pay(theirs, 1))
    elsewhere = Client()
    elsewhere.force_login(mine.user)
    for attempt in (
        {},
        {"agreed": seen["agreed"]},
        {**seen, "reviewed": seen["reviewed"][:-1] + "_"},
        {**seen, "reviewed": shown(ana, other)["reviewed"]},
        {**seen, "reviewed": shown(elsewhere, file)["reviewed"]},
        {**seen, "agreed": "1 20.0000 x"},
    ):
        answer = ana.post(page_of(file), {**attempt, "step": step}, follow=True)
        assert "Nothing was booked yet" in text_of(answer)
        assert transfers() == 0
    ana.post(page_of(file), {**seen, "step": step})
    assert transfers() == 2


@pytest.mark.django_db(transaction=True)
def test_a_page_of_a_file_times_out(
    ana: Client, file: PaymentFile, later: Callable[[timedelta], None]
) -> None:
    seen = shown(ana, file)
    later(timedelta(minutes=REVIEW_MINUTES, seconds=1))
    ana.post(page_of(file), {**seen, "step": "whole"})
    assert transfers() == 0


# --- the forms of staff ----------------------------------------------------------------------

DESK = reverse("admin:transactions_transaction_cash_desk")


def slip(account: Account) -> Form:
    return {
        "id": str(uuid7()), "kind": "deposit", "number": account.number, "amount": "7.00",
        "description": "", "reference": "S-1",
    }  # fmt: skip


def test_staff_book_nothing_without_its_review(staff: Client, theirs: Account) -> None:
    form = slip(theirs)
    answer = staff.post(DESK, {**form, "step": "book"})
    assert "Nothing was booked yet" in text_of(answer)
    assert balances(theirs) == [0]
    assert book(staff, DESK, form).status_code == 302
    assert balances(theirs) == [7]


def test_staff_cannot_change_a_field_after_the_review(staff: Client, theirs: Account) -> None:
    seen, other = reviewed(staff, DESK, slip(theirs)), AccountFactory()
    for change in (
        {"amount": "700"}, {"kind": "withdraw"}, {"number": other.number}, {"id": str(uuid7())},
        {"description": "x"}, {"reference": "S-2"},
    ):  # fmt: skip
        staff.post(DESK, {**seen, **change, "step": "book"})
        assert balances(theirs, other) == [0, 0]


def test_a_review_of_one_refund_is_worth_nothing_for_another(
    staff: Client, mine: Account, theirs: Account
) -> None:
    rows = [
        services.transfer(from_account=mine, to_account=theirs, amount=Decimal(40))
        for _ in range(2)
    ]
    first, second = (
        reverse("admin:transactions_transaction_refund", args=[row.pk]) for row in rows
    )
    form = {"id": str(uuid7()), "amount": "5", "reason": "Damaged", "message": ""}
    seen = reviewed(staff, first, form)
    assert seen["reviewed"]
    assert "Nothing was booked yet" in text_of(staff.post(second, {**seen, "step": "book"}))
    assert not Transaction.objects.exclude(reverses=None).exists()
    staff.post(first, {**seen, "step": "book"})
    assert rows[0].reversals.count() == 1


def test_a_colleagues_review_is_worth_nothing(staff: Client, clerk: User, theirs: Account) -> None:
    colleague = UserFactory(is_staff=True)
    colleague.groups.set(clerk.groups.all())
    beside = Client()
    beside.force_login(colleague)
    seen = reviewed(beside, DESK, slip(theirs))
    assert seen["reviewed"]
    staff.post(DESK, {**seen, "step": "book"})
    assert balances(theirs) == [0]


def request_of(user: User, session: str, token: str = "") -> Any:
    found: Any = RequestFactory().post("/", {review.FIELD: token})
    found.user, found.session = user, SimpleNamespace(session_key=session)
    return found


@pytest.mark.parametrize("other", ["kind of form", "person", "session", "field", None])
def test_a_token_counts_for_one_kind_of_form_one_person_one_session_and_its_fields(
    other: str | None,
) -> None:
    ana, ben = User(name="Ana"), User(name="Ben")
    token = review.token_for(request_of(ana, "one"), "transfer", [("amount", "5")])
    sent = request_of(
        ben if other == "person" else ana, "two" if other == "session" else "one", token
    )
    about = "file" if other == "kind of form" else "transfer"
    facts = [("amount", "50" if other == "field" else "5")]
    assert review.was_reviewed(sent, about, facts) is (other is None)
