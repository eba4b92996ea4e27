"""Responses do not reveal which accounts, payments and names exist."""

import json
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Account
from accounts.services import close_account, freeze_account
from banking.payment_files.models import PaymentFile, PaymentLine
from banking.payment_files.preview import check
from banking.standing_orders.paying import pay_due, payment_id
from ledger.db.ids import uuid7, uuid7_for
from tests.api.calls import TRANSACTIONS, bearer, post
from tests.attacks.answers import ask
from tests.attacks.bank import AttackedBank
from tests.attacks.parameters import UUID
from tests.attacks.people import attempt_of, rolled_back, signed_in
from tests.attacks.walk import addresses
from tests.banking.payment_files.files import checked, csv_of, pay, stored
from tests.banking.standing_orders.orders import order_of
from tests.factories import AccountFactory, nobodys
from tests.pages import text_of, texts_of
from tests.reviews import TRANSFER, send, token_of
from transactions import services
from transactions.models import NamesAsked, Transaction
from transactions.safeguards import quota
from transactions.safeguards.quota import NUMBERS_ASKED
from transactions.safeguards.recipients import CANNOT_RECEIVE, NOT_PAYABLE

pytestmark = pytest.mark.django_db
Form = dict[str, Any]
OF_ONE_ANSWER = {"Content-Length", "Expires", "RateLimit", "X-Request-ID"}  # headers


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="9000", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


@pytest.fixture
def two_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    monkeypatch.setattr(quota, "WRONG_NAMES_A_DAY", 2)


def form_for(mine: Account, number: str, **changes: Any) -> Form:
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": number, "amount": "5.00",
        "description": "", "reference": "", **changes,
    }  # fmt: skip


def errors_of(response: Any) -> list[str]:
    return [str(error) for error in response.context["form"].errors.get("number", [])]


def without_what_was_sent(response: Any, form: Form) -> str:
    """Returns the page without tokens, and without the values that the person typed."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", response.content.decode())
    for value in (form["id"], form["number"]):
        page = page.replace(value, "")
    return page


def answer_and_work(
    client: Client, url: str, words: dict[str, str], method: str, data: Any = None
) -> tuple[int, dict[str, str], str, list[str]]:
    """Returns the status, the headers, the body and the kinds of SQL statements, with these words
    replaced.
    """
    with CaptureQueriesContext(connection) as queries:
        answer = ask(client, method, url, data)
    headers = {name: it for name, it in answer.headers.items() if name not in OF_ONE_ANSWER}
    body = re.sub(r'name="(csrfmiddlewaretoken|reviewed)" value="[^"]*"', "", answer.body)
    text = json.dumps([headers, body])
    for word, instead in words.items():
        text = text.replace(word, instead)
    statements = [query["sql"].split(" ", 1)[0] for query in queries]
    return answer.status, *json.loads(text), statements


# --- account numbers -------------------------------------------------------------------------


def closed() -> str:
    account = AccountFactory()
    close_account(account=account, reason="Moved away", changed_by=None)
    return str(account.number)


STRANGERS: dict[str, Callable[[], str]] = {
    "nobody's": nobodys,
    "closed": closed,
    "in another currency": lambda: str(AccountFactory(currency="EUR").number),
}


def test_no_account_a_closed_one_and_another_currency_get_one_answer(
    ana: Client, mine: Account
) -> None:
    pages = set()
    for number in [make() for make in STRANGERS.values()]:
        form = form_for(mine, number)
        response = ana.post(TRANSFER, form)
        assert response.status_code == 200
        assert errors_of(response) == [NOT_PAYABLE]
        pages.add(without_what_was_sent(response, form))
    assert len(pages) == 1


def test_a_frozen_account_looks_like_any_other(ana: Client, mine: Account, theirs: Account) -> None:
    freeze_account(account=theirs, reason="Fraud", changed_by=None)
    page = ana.post(TRANSFER, form_for(mine, theirs.number))
    assert token_of(page)
    assert "frozen" not in text_of(page)


def test_of_a_known_account_that_closed_nothing_more_is_told(
    ana: Client, mine: Account, theirs: Account
) -> None:
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    services.transfer(from_account=theirs, to_account=mine, amount=Decimal(1))
    close_account(account=theirs, reason="Moved away", changed_by=None)
    text = text_of(ana.post(TRANSFER, form_for(mine, theirs.number)))
    assert CANNOT_RECEIVE in text
    assert "is closed and" not in text


def test_after_some_wrong_numbers_every_strange_number_gets_the_same_answer_and_work(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    for n in range(2):
        assert errors_of(ana.post(TRANSFER, form_for(mine, nobodys(n)))) == [NOT_PAYABLE]
    pages, statements = set(), []
    for number in (theirs.number, nobodys(7), closed()):
        form = form_for(mine, number)
        with CaptureQueriesContext(connection) as queries:
            response = ana.post(TRANSFER, form)
        assert response.status_code == 200
        assert errors_of(response) == [NUMBERS_ASKED]
        pages.add(without_what_was_sent(response, form))
        statements.append([query["sql"].split(" ", 1)[0] for query in queries])
    assert len(pages) == 1
    assert statements[0] == statements[1] == statements[2]


def test_known_recipients_and_own_accounts_can_be_paid_after_that(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    payer, savings = AccountFactory(balance="5"), AccountFactory(user=mine.user)
    services.transfer(from_account=mine, to_account=theirs, amount=Decimal(1))
    services.transfer(from_account=payer, to_account=mine, amount=Decimal(1))
    for n in range(3):
        ana.post(TRANSFER, form_for(mine, nobodys(n)))
    for account in (theirs, payer, savings):
        assert send(ana, form_for(mine, account.number)).status_code == 302


def test_a_review_from_before_can_still_be_sent(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    form = form_for(mine, theirs.number)
    token = token_of(ana.post(TRANSFER, form))
    for n in range(3):
        ana.post(TRANSFER, form_for(mine, nobodys(n)))
    assert ana.post(TRANSFER, {**form, "reviewed": token, "step": "send"}).status_code == 302


def test_typing_errors_are_caught_by_check_digits_and_count_nothing(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    typo = theirs.number[:-1] + str((int(theirs.number[-1]) + 1) % 10)
    for _ in range(3):
        assert "check digits" in errors_of(ana.post(TRANSFER, form_for(mine, typo)))[0]
    assert token_of(ana.post(TRANSFER, form_for(mine, theirs.number)))


@pytest.mark.django_db(transaction=True)
def test_a_file_of_guesses_tells_of_a_few_numbers_only(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    friend: Account = AccountFactory()
    services.transfer(from_account=mine, to_account=friend, amount=Decimal(1))
    lines = [f"{nobodys(n)},1,," for n in range(4)] + [pay(theirs, 1), pay(friend, 1)]
    file = checked(mine, *lines)
    verdicts = list(PaymentLine.objects.of(file).in_order().values_list("verdict", flat=True))
    assert verdicts == [NOT_PAYABLE] * 2 + [NUMBERS_ASKED] * 3 + [""]
    assert not PaymentLine.objects.of(file).filter(to_account=theirs).exists()
    assert "M•••" not in text_of(ana.get(f"/transfers/files/{file.pk}/"))
    assert errors_of(ana.post(TRANSFER, form_for(mine, theirs.number))) == [NUMBERS_ASKED]


@pytest.mark.django_db(transaction=True)
def test_a_file_tells_no_closed_account_from_none(mine: Account) -> None:
    file = checked(mine, *[f"{make()},1,," for make in STRANGERS.values()])
    assert set(PaymentLine.objects.of(file).values_list("verdict", flat=True)) == {NOT_PAYABLE}


@pytest.mark.django_db(transaction=True)
def test_an_account_that_closes_after_the_upload_is_refused_in_the_same_few_words(
    mine: Account, theirs: Account
) -> None:
    file = stored(mine, pay(theirs, 1))
    close_account(account=theirs, reason="Moved away", changed_by=None)
    check(file)
    assert PaymentLine.objects.get(file=file).verdict == CANNOT_RECEIVE


@pytest.mark.django_db(transaction=True)
def test_many_right_numbers_of_strangers_are_no_guesses(mine: Account, two_a_day: None) -> None:
    file = checked(mine, *[pay(AccountFactory(), 1) for _ in range(5)])
    assert file.waiting_count == 5


@pytest.mark.django_db(transaction=True)
def test_what_the_bank_uploads_says_all(mine: Account, two_a_day: None) -> None:
    file = stored(mine, *[f"{nobodys(n)},1,," for n in range(4)], created_by=None)
    assert all("No account" in line.verdict for line in PaymentLine.objects.of(file))
    assert not NamesAsked.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_questions_asked_at_one_moment_share_the_limit(
    mine: Account, theirs: Account, two_a_day: None
) -> None:
    together, told = threading.Barrier(8, timeout=60), []

    def ask() -> None:
        together.wait()
        told.append(quota.may_check_number(mine.user.pk, is_payable=False))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 6 + [True] * 2


# --- ids -------------------------------------------------------------------------------------


def test_the_id_of_somebody_elses_payment_gets_the_answer_of_an_unused_one(
    ana: Client, mine: Account, theirs: Account
) -> None:
    taken = Transaction.objects.get(to_account=AccountFactory(balance="5"))
    answers = []
    for id in (taken.pk, uuid7()):
        form = form_for(mine, theirs.number, id=str(id))
        with rolled_back():
            token = token_of(ana.post(TRANSFER, form))
            words = {str(id): "", str(uuid7_for(mine.user.pk, id)): "<own id>"}
            sending = {**form, "reviewed": token, "step": "send"}
            requests = [("GET", {"id": str(id)}), ("POST", form), *[("POST", sending)] * 2]
            answers.append([answer_and_work(ana, TRANSFER, words, *it) for it in requests])
    assert answers[0] == answers[1]
    assert answers[0][2][1]["Location"] == "/transactions/<own id>/"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_tells_the_id_of_somebody_elses_row_from_an_unused_one(
    bank: AttackedBank, method: str
) -> None:
    """Compares the status, headers, body and work of every page and API address."""
    eve, told = signed_in(bank.eve.user), []
    one_each = {it.pattern.template: it.url for it in addresses(bank.ana) if it.is_of_holder}
    urls = [url for url in one_each.values() if UUID.search(url)]
    ask(eve, method, "/api/v1/accounts/")  # the first API call inserts its count
    for url in urls:
        answers = []
        for asked in (url, UUID.sub(lambda _id: str(uuid7()), url)):
            words = dict.fromkeys(UUID.findall(asked), "<id>")
            with attempt_of(eve) as client:
                answers.append(answer_and_work(client, asked, words, method))
        if answers[0] != answers[1]:
            told.append((url, answers))
    assert told == []
    assert len(urls) > 40


def test_a_key_that_is_somebody_elses_payment_gets_the_answer_of_an_unused_one(
    ana: Client, mine: Account, theirs: Account
) -> None:
    taken = Transaction.objects.get(to_account=AccountFactory(balance="5"))
    sent = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": "0.01"}
    for key in (taken.pk, uuid7()):
        answer = post(ana, TRANSACTIONS, sent, Idempotency_Key=str(key))
        assert (answer.status_code, answer.json()["id"]) == (201, str(uuid7_for(mine.user.pk, key)))


WAYS: dict[str, dict[str, Any] | None] = {  # the options of a token, or None for a session
    "session": None,
    "token": {},
    "token with limits": {"per_payment": Decimal(100), "per_day": Decimal(100), "currency": "USD"},
}


@pytest.mark.parametrize("amount", ["0.01", "0.001", "50000", "1e9"])
@pytest.mark.parametrize("way", WAYS)
def test_a_payment_to_an_id_tells_no_account_that_cannot_be_paid_from_none(
    ana: Client, mine: Account, way: str, amount: str
) -> None:
    """Tests one payment, a batch in which all or no payments are booked, and a batch of lines."""
    gone = Account.objects.get(number=closed())
    sides = (uuid7(), gone.pk, AccountFactory(currency="EUR").pk)
    options, headers = WAYS[way], {}
    batch = f"{TRANSACTIONS}batch/"
    if options is not None:
        ana, headers = Client(), bearer(mine.user, "pay", **options)
    answers = []
    for side in sides:
        sent = {"from_account": str(mine.pk), "to_account": str(side), "amount": amount}
        told = [post(ana, TRANSACTIONS, sent, **headers)]
        if options is not None:
            told += [
                post(ana, batch, {"transactions": [sent], "atomic": atomic},
                     Idempotency_Key=f"{side} {atomic}", **headers)
                for atomic in (True, False)
            ]  # fmt: skip
        answers.append([(it.status_code, b"".join(it)) for it in told])
    assert answers[0] == answers[1] == answers[2]
    assert b"account-not-found" in answers[0][0][1] or amount == "1e9"


@pytest.mark.django_db(transaction=True)
def test_nobody_uses_up_the_id_of_somebody_elses_next_payment(
    client: Client, mine: Account, theirs: Account
) -> None:
    """Mara knows Ana's id, Ana's next key and Ana's standing order, and sends each id first."""
    key, order = uuid7(), order_of(mine, theirs, first_on=timezone.localdate())
    owned = AccountFactory(user=theirs.user)
    services.deposit(to_account=theirs, amount=Decimal(1))
    client.force_login(theirs.user)
    sent = {"from_account": str(theirs.pk), "to_account": str(owned.pk), "amount": "0.01"}
    for id in (key, uuid7_for(mine.user.pk, key), payment_id(order.pk, order.next_on)):
        answer = post(client, TRANSACTIONS, sent, Idempotency_Key=str(id))
        assert (answer.status_code, answer.json()["id"] == str(id)) == (201, False)
    client.force_login(mine.user)
    sent = {"from_account": str(mine.pk), "to_account": str(theirs.pk), "amount": "7"}
    assert post(client, TRANSACTIONS, sent, Idempotency_Key=str(key)).status_code == 201
    assert pay_due().paid == 1


def test_an_id_of_a_form_is_time_ordered_and_ones_own() -> None:
    one, other, form = uuid7(), uuid7(), uuid7()
    assert uuid7_for(one, form) == uuid7_for(one, form)
    assert len({uuid7_for(one, form), uuid7_for(other, form), uuid7_for(one, uuid7()), form}) == 4
    assert uuid7_for(one, form).version == 7
    assert uuid7_for(one, form).int >> 80 == form.int >> 80


@pytest.mark.django_db(transaction=True)
def test_the_id_of_somebody_elses_file_gets_the_answer_of_an_unused_one(
    ana: Client, mine: Account, theirs: Account
) -> None:
    taken = stored(AccountFactory(balance="5"), pay(theirs, 1))
    for id in (taken.pk, uuid7()):
        upload = SimpleUploadedFile("a.csv", csv_of(pay(theirs, 1)).read(), "text/csv")
        data = {"id": id, "from_account": mine.pk, "file": upload}
        for _ in range(2):
            upload.seek(0)
            answer = ana.post("/transfers/files/new/", data)
            assert answer["Location"] == f"/transfers/files/{uuid7_for(mine.user.pk, id)}/"
    assert PaymentFile.objects.filter(from_account=mine).count() == 2


# --- names -----------------------------------------------------------------------------------


def test_a_strangers_name_is_masked_until_one_has_paid_them(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs.number)
    assert "Mara" not in ana.post(TRANSFER, form).content.decode()
    send(ana, form)
    (lead,) = texts_of(ana.post(TRANSFER, form_for(mine, theirs.number)), "sheet__lead")
    assert "to Mara Lindt" in lead


def test_a_hold_names_both_sides_and_leaves_the_payment_form_masked(
    ana: Client, mine: Account, theirs: Account
) -> None:
    held = services.hold(from_account=mine, to_account=theirs, amount=Decimal(1))
    other = Client()
    other.force_login(theirs.user)
    receipt = f"/transactions/{held.pk}/"
    assert "Mara Lindt" in text_of(ana.get(receipt))
    assert "Ana Ferreira" in text_of(other.get(receipt))
    assert "Mara" not in ana.post(TRANSFER, form_for(mine, theirs.number)).content.decode()


def test_who_has_paid_me_is_named(ana: Client, mine: Account) -> None:
    payer = AccountFactory(balance="5", user__name="Jo Wolf")
    services.transfer(from_account=payer, to_account=mine, amount=Decimal(1))
    page = text_of(ana.post(TRANSFER, form_for(mine, payer.number)))
    assert "to Jo Wolf" in page
    assert "first payment to Jo Wolf" in page


def test_a_refused_payment_names_nobody(ana: Client, mine: Account, theirs: Account) -> None:
    page = ana.post(TRANSFER, form_for(mine, theirs.number, amount="9999999"))
    assert "too much" in text_of(page)
    assert "Mara" not in page.content.decode()


@pytest.mark.parametrize(("typed", "says", "is_named"), [
    ("Mara Lindt", "is the account holder", True),
    ("M. Lindt", "is close to", False),
    ("Jo Wolf", "is not the account holder", False),
])  # fmt: skip
def test_a_typed_name_is_confirmed_close_or_not(
    ana: Client, mine: Account, theirs: Account, typed: str, says: str, is_named: bool
) -> None:
    page = ana.post(TRANSFER, form_for(mine, theirs.number, name=typed))
    assert says in text_of(page)
    assert ("Mara Lindt" in texts_of(page, "sheet__lead")[0]) == is_named
    assert bool(texts_of(page, "note--warn")) != is_named


def test_guesses_at_a_name_are_limited_also_for_a_right_one_and_in_files(
    ana: Client, mine: Account, theirs: Account, two_a_day: None
) -> None:
    for guess in ("Ann", "Jo"):
        ana.post(TRANSFER, form_for(mine, theirs.number, name=guess))
    page = ana.post(TRANSFER, form_for(mine, theirs.number, name="Mara Lindt"))
    assert "was not checked" in text_of(page)
    assert "Mara Lindt" not in texts_of(page, "sheet__lead")[0]
    assert token_of(page), "it can still be paid"


def test_sending_and_changing_a_payment_counts_no_name_again(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs.number, name="Jo")
    token = token_of(ana.post(TRANSFER, form))
    ana.post(TRANSFER, {**form, "step": "edit"})
    ana.post(TRANSFER, {**form, "reviewed": token, "step": "send"})
    assert NamesAsked.objects.get().count == 1
