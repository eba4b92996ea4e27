"""Sending money in the browser: form, review in plain words, receipt; paid once."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account
from accounts.numbers import with_check_digits
from accounts.services import freeze_account
from ledger.db.ids import uuid7
from tests.factories import AccountFactory, UserFactory
from tests.pages import lacks, text_of, texts_of
from tests.reviews import paid_id, send
from transactions import services
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
URL = "/transfers/new/"


@pytest.fixture(autouse=True)
def review_shown() -> None:
    """These tests take the token of the real review."""


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="1000", name="Everyday", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(name="Rent income", user__name="Mara Lindt")


@pytest.fixture
def ana(client: Client, mine: Account) -> Client:
    client.force_login(mine.user)
    return client


def form_for(mine: Account, theirs: Account, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid7()),
        "from_account": str(mine.pk),
        "number": theirs.number,
        "amount": "950.00",
        "description": "Rent for November",
        "reference": "R-11",
        **changes,
    }


def receipt_of(sender: Account, form: dict[str, Any]) -> str:
    return f"/transactions/{paid_id(sender.user, form)}/"


def new_form(client: Client, **query: str) -> Any:
    """The form page, past the redirect that puts its id into the address."""
    return client.get(URL, query, follow=True)


def test_the_form_carries_a_transaction_id_of_its_own_in_its_address(ana: Client) -> None:
    pages = [new_form(ana) for _ in range(2)]
    first, second = (page.context["form"]["id"].value() for page in pages)
    assert first != second
    (address, _) = pages[0].redirect_chain[-1]
    assert address == f"{URL}?id={first}"
    assert ana.get(address).context["form"]["id"].value() == first


def test_the_id_of_somebody_elses_payment_in_the_address_shows_nothing_of_it(ana: Client) -> None:
    row = Transaction.objects.get(to_account=AccountFactory(balance="5"))
    assert ana.get(URL, {"id": str(row.pk)}).status_code == 200


def test_the_review_warns_of_the_very_same_payment_made_just_now(
    ana: Client, mine: Account, theirs: Account
) -> None:
    first = form_for(mine, theirs, amount="10")
    assert "already" not in text_of(ana.post(URL, first))
    send(ana, first)
    again = ana.post(URL, form_for(mine, theirs, amount="10"))
    (warning,) = texts_of(again, "note--warn")
    assert "the same payment to Mara Lindt" in warning
    assert f'href="{receipt_of(mine, first)}"' in again.content.decode()
    assert "already" not in text_of(ana.post(URL, form_for(mine, theirs, amount="11")))


def test_the_review_does_not_warn_of_a_hold_of_the_same_amount(
    ana: Client, mine: Account, theirs: Account
) -> None:
    services.hold(from_account=mine, to_account=theirs, amount=Decimal(10))
    assert not texts_of(ana.post(URL, form_for(mine, theirs, amount="10")), "note--warn")


def test_the_review_says_in_words_what_will_happen_and_moves_nothing(
    ana: Client, mine: Account, theirs: Account
) -> None:
    review = ana.post(URL, form_for(mine, theirs))
    said = text_of(review)
    (lead,) = texts_of(review, "sheet__lead")
    assert not lacks(lead, "950.00 USD", "from Everyday", "to M••• L•••")
    assert f"{theirs.number[:4]} {theirs.number[4:8]} {theirs.number[8:]} , at this bank" in said
    assert "Available afterwards 50.00 USD" in said
    assert "first payment to M••• L•••" in said
    assert "Mara" not in said
    assert not Transaction.objects.filter(type="transfer").exists()
    mine.refresh_from_db()
    assert mine.balance == 1000


def test_sending_books_it_and_shows_the_receipt(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs)
    response = send(ana, form)
    assert response.headers["Location"] == receipt_of(mine, form)
    row = Transaction.objects.get(pk=paid_id(mine.user, form))
    assert (row.amount, row.from_account, row.to_account) == (950, mine, theirs)
    assert (row.description, row.reference) == ("Rent for November", "R-11")
    assert row.created_by == mine.user
    receipt = ana.get(response.headers["Location"])
    assert texts_of(receipt, "page-head__eyebrow") == ["You paid Mara Lindt"]
    assert texts_of(receipt, "page-head__figure") == ["\N{MINUS SIGN}950.00"]


def test_pressing_twice_going_back_and_reviewing_again_all_lead_to_one_receipt(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs)
    answers = [
        send(ana, form),
        send(ana, form),
        ana.post(URL, form),
        send(ana, form),
    ]
    assert {answer.headers["Location"] for answer in answers} == {receipt_of(mine, form)}
    assert "we did not send it again" in text_of(ana.get(answers[-1].headers["Location"]))
    assert Transaction.objects.filter(type="transfer").count() == 1
    mine.refresh_from_db()
    assert mine.balance == 50


def test_an_id_of_somebody_elses_payment_shows_nothing_of_it(
    ana: Client, mine: Account, theirs: Account
) -> None:
    other = AccountFactory(balance="5")
    row = Transaction.objects.get(to_account=other)
    form = form_for(mine, theirs, id=str(row.pk))
    assert send(ana, form).headers["Location"] == receipt_of(mine, form)
    assert paid_id(mine.user, form) != row.pk
    mine.refresh_from_db()
    assert mine.balance == 50


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amount": "-1"}, "without a minus sign"),
        ({"amount": "0"}, "above zero"),
        ({"amount": "0.001"}, "USD has 2 decimals"),
        ({"amount": "NaN"}, "in digits"),
        ({"amount": "Infinity"}, "in digits"),
        ({"amount": "1e400"}, "only digits"),
        ({"amount": "\uff11\uff10"}, "in digits"),
        ({"amount": "\u0661\u0660"}, "in digits"),
        ({"amount": "9" * 30}, "This amount is too large"),
        ({"amount": ""}, "required"),
        ({"amount": "$5"}, "Type only digits"),
        ({"amount": "5 USD"}, "Type only digits"),
        ({"amount": "1,50"}, "after a point, like 1.50"),
        ({"amount": "1.234,56"}, "no point between thousands, like 1234.56"),
        ({"amount": "1000.01"}, "Everyday has 1,000.00 available; 1,000.01 is too much by 0.01."),
        ({"number": "12"}, "This number has 2"),
        ({"number": "123456789012"}, "check digits do not match"),
        ({"number": with_check_digits("9999999999")}, "This number cannot receive this payment"),
        ({"description": "x" * 501}, "at most 500"),
        ({"id": "no-uuid"}, ""),
    ],
)
def test_a_mistake_is_answered_in_place_and_nothing_typed_is_lost(
    ana: Client, mine: Account, theirs: Account, change: dict[str, str], said: str
) -> None:
    form = form_for(mine, theirs, **change)
    for step in ("review", "send"):
        response = ana.post(URL, {**form, "step": step})
        assert response.status_code == 200
        assert said in text_of(response)
        assert response.context["form"]["number"].value() == form["number"]
        assert response.context["form"]["amount"].value() == form["amount"]
    assert not Transaction.objects.filter(type="transfer").exists()


@pytest.mark.parametrize("typed", ["1,000.00", "1 000", "1\u00a0000.0", " 1000 ", "01000"])
def test_an_amount_is_read_as_people_write_it(
    ana: Client, mine: Account, theirs: Account, typed: str
) -> None:
    form = form_for(mine, theirs, amount=typed)
    assert send(ana, form).status_code == 302
    assert Transaction.objects.get(pk=paid_id(mine.user, form)).amount == Decimal(1000)


def test_a_wrong_check_digit_is_caught_before_the_database_is_asked(
    ana: Client, mine: Account, theirs: Account, django_assert_max_num_queries: Any
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    wrong = theirs.number[:-1] + str((int(theirs.number[-1]) + 1) % 10)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        ana.post(URL, form_for(mine, theirs, number=wrong))
    assert not [q for q in queries if f"'{wrong}'" in q["sql"]]


def test_one_cannot_send_from_somebody_elses_account(
    ana: Client, mine: Account, theirs: Account
) -> None:
    rich = AccountFactory(balance="5000")
    response = send(ana, form_for(rich, theirs))
    assert response.status_code == 200
    assert "Select a valid choice" in text_of(response)
    assert not Transaction.objects.filter(type="transfer").exists()


def test_a_frozen_account_says_so(ana: Client, mine: Account, theirs: Account) -> None:
    freeze_account(account=mine, reason="Card stolen")
    assert "Everyday is frozen" in text_of(ana.post(URL, form_for(mine, theirs)))


def test_moving_money_between_ones_own_accounts_names_the_account(
    ana: Client, mine: Account
) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    assert "from Everyday to Savings now." in text_of(ana.post(URL, form_for(mine, savings)))
    assert "the same account" in text_of(ana.post(URL, form_for(mine, mine)))


def test_the_review_counts_earlier_payments(ana: Client, mine: Account, theirs: Account) -> None:
    for _ in range(2):
        send(ana, form_for(mine, theirs, amount="1"))
    assert "Mara Lindt 2 times" in text_of(ana.post(URL, form_for(mine, theirs, amount="1")))


def test_a_receipt_offers_another_payment_like_it(
    ana: Client, mine: Account, theirs: Account
) -> None:
    form = form_for(mine, theirs, amount="10.50", description="Half & half")
    receipt = send(ana, form, follow=True).context["receipt"]
    again = ana.get(receipt.again_url, follow=True).context["form"]
    assert again["id"].value() != form["id"]
    for name in ("number", "amount", "description"):
        assert again[name].value() == form[name]
    assert str(again["from_account"].value()) == form["from_account"]


def test_nobody_turns_the_review_around_by_a_name_or_a_text(ana: Client, mine: Account) -> None:
    fraud = AccountFactory(user__name="Anna \u202enomolas\u200b")
    services.transfer(from_account=mine, to_account=fraud, amount=Decimal(1))
    form = form_for(
        mine, fraud, amount="1", description="\u202eR\u2066", reference="\u200bINV-1\u202e"
    )
    page = ana.post(URL, form).content.decode()
    assert "Anna nomolas" in page
    for odd in "\u202e\u200b\u2066":
        assert odd not in page
    send(ana, form)
    row = Transaction.objects.get(pk=paid_id(mine.user, form))
    assert (row.description, row.reference) == ("R", "INV-1")


def test_two_accounts_of_one_name_are_told_apart(ana: Client, mine: Account) -> None:
    twin = AccountFactory(user=mine.user, name=mine.name)
    said = text_of(new_form(ana))
    assert f"{mine.name} ··{mine.number[-4:]}, 1,000.00 USD" in said
    assert f"{twin.name} ··{twin.number[-4:]}, 0.00 USD" in said


def test_known_recipients_are_offered_but_not_who_paid_me(
    ana: Client, mine: Account, theirs: Account
) -> None:
    stranger = AccountFactory(balance="5")
    send(ana, form_for(mine, theirs, amount="1"))
    other = Client()
    other.force_login(stranger.user)
    send(other, form_for(stranger, mine, amount="1"))
    savings = AccountFactory(user=mine.user, name="Savings")
    AccountFactory(user=mine.user, name="Travel", currency="EUR")
    known = new_form(ana).context["known"]
    assert known == [
        (savings.number, f"Savings ··{savings.number[-4:]}"),
        (theirs.number, f"Mara Lindt ··{theirs.number[-4:]}"),
    ]
    from_savings = ana.get(URL, {"from": str(savings.pk)}, follow=True).context["known"]
    assert from_savings == [
        (mine.number, f"Everyday ··{mine.number[-4:]}"),
        (theirs.number, f"Mara Lindt ··{theirs.number[-4:]}"),
    ]


def test_the_links_to_recipients_stay_above_a_form_that_came_back(
    ana: Client, mine: Account, theirs: Account
) -> None:
    send(ana, form_for(mine, theirs, amount="1"))
    page = ana.post(URL, form_for(mine, theirs, amount="9999", step="review"))
    assert "Everyday has" in text_of(page)
    assert f'data-recipient="{theirs.number}">Mara Lindt' in page.content.decode()


@pytest.mark.parametrize("url", [URL, "/standing-orders/new/"])
def test_two_accounts_of_one_payee_are_told_apart(
    url: str, ana: Client, mine: Account, theirs: Account
) -> None:
    twin = AccountFactory(user=theirs.user, name="Savings")
    for account in (theirs, twin):
        send(ana, form_for(mine, account, amount="1"))
    lead = " ".join(texts_of(ana.get(url, follow=True), "quiet"))
    assert not lacks(lead, *(f"Mara Lindt ··{each.number[-4:]}" for each in (theirs, twin)))


def test_without_an_account_the_page_offers_to_open_one(client: Client) -> None:
    client.force_login(UserFactory())
    assert reverse("accounts:open") in client.get(URL, follow=True).content.decode()


def test_signed_out_nothing_is_sent(client: Client, mine: Account, theirs: Account) -> None:
    response = send(client, form_for(mine, theirs))
    assert response.headers["Location"].startswith("/account/login/")
    assert not Transaction.objects.filter(type="transfer").exists()


def test_a_post_from_another_site_is_refused(mine: Account, theirs: Account) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mine.user)
    assert send(strict, form_for(mine, theirs)).status_code == 403
    assert not Transaction.objects.filter(type="transfer").exists()
