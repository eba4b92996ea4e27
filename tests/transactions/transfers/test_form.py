"""The transfer form without its page: what it reads and refuses, and how a link fills it in."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from accounts.models import Account, User
from accounts.services import freeze_account
from ledger.db.ids import uuid7, uuid7_for
from tests.factories import AccountFactory, UserFactory, nobodys
from transactions import services
from transactions.exceptions import (
    AccountNotFound,
    CurrencyMismatch,
    InsufficientFunds,
    LedgerError,
    RecipientClosed,
)
from transactions.models import NamesAsked, Transaction
from transactions.payees.services import save_payee
from transactions.safeguards import quota
from transactions.safeguards.quota import NUMBERS_ASKED
from transactions.safeguards.recipients import CANNOT_RECEIVE, NOT_PAYABLE
from transactions.services import Draft
from transactions.transfers.forms import TransferForm, prefilled

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine() -> Account:
    return AccountFactory(user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


def form_of(mine: Account, number: str, **changes: Any) -> TransferForm:
    """The form as it was sent."""
    data = {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": number, "name": "Mara",
        "amount": "9.50", "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    return TransferForm(data | changes, user=mine.user)


def valid(mine: Account, number: str, **changes: Any) -> TransferForm:
    form = form_of(mine, number, **changes)
    assert form.is_valid(), form.errors
    return form


def test_the_sender_is_the_chosen_account_and_else_the_first_one(mine: Account) -> None:
    second = AccountFactory(user=mine.user)
    stranger = AccountFactory()
    chosen: list[tuple[Any, Account]] = [
        (second, second), (str(second.pk), second), (None, mine), (stranger, mine),
    ]  # fmt: skip
    for initial, sender in chosen:
        assert TransferForm(initial={"from_account": initial}, user=mine.user).sender == sender
    assert form_of(second, stranger.number).sender == second
    assert TransferForm(user=UserFactory()).sender is None


def test_an_amount_has_the_decimals_of_the_senders_currency(mine: Account, theirs: Account) -> None:
    yen = AccountFactory(user=mine.user, currency="JPY")
    wrong: list[tuple[Account, dict[str, str], list[str]]] = [
        (mine, {"amount": "0.001"}, ["amount"]),
        (yen, {"amount": "1.5"}, ["amount"]),
        (mine, {"amount": ""}, ["amount"]),
        (mine, {"from_account": "", "amount": "0.001"}, ["from_account"]),
        (mine, {"amount": "1.25"}, []),
        (yen, {"amount": "1"}, []),
    ]
    for sender, changes, fields in wrong:
        assert list(form_of(sender, theirs.number, **changes).errors) == fields, changes


def test_the_review_sends_on_what_was_understood(mine: Account, theirs: Account) -> None:
    id = uuid7()
    typed = {
        "id": str(id), "amount": " 1,009.50 ", "name": " Mara\u200b  Lindt ",
        "description": "\u202eRent  for\u2066 May", "reference": "R\u200b-1 ",
    }  # fmt: skip
    form = valid(mine, f" {theirs.number[:4]} {theirs.number[4:]}", **typed)
    understood = [
        ("id", str(id)), ("from_account", str(mine.pk)), ("number", theirs.number),
        ("name", "Mara Lindt"), ("amount", "1009.50"), ("description", "Rent for May"),
        ("reference", "R-1"),
    ]  # fmt: skip
    assert form.as_read == understood
    assert form.draft == Draft(
        id=uuid7_for(mine.user.pk, id), from_account=mine, to_account=theirs,
        amount=Decimal("1009.50"), description="Rent for May", reference="R-1",
        created_by=mine.user,
    )  # fmt: skip


def test_a_number_that_nobody_has_makes_no_draft(mine: Account) -> None:
    form = valid(mine, nobodys(), id=str(UUID(int=7)))
    assert form.to_account is None
    assert not form.is_between_own
    assert dict(form.as_read)["number"] == ""
    with pytest.raises(AccountNotFound):
        assert form.draft
    row = Transaction(from_account=mine, amount=Decimal("9.5"), description="Rent", reference="R-1")
    assert form.describes(row)


def test_it_describes_a_payment_of_the_same_content_alone(mine: Account, theirs: Account) -> None:
    form = valid(mine, theirs.number)
    facts: dict[str, Any] = {
        "from_account": mine, "to_account": theirs, "amount": Decimal("9.5"),
        "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    assert form.describes(Transaction(**facts)) is True
    others = {
        "from_account": theirs, "to_account": mine, "amount": Decimal(9), "description": "",
        "reference": "",
    }  # fmt: skip
    for name, other in others.items():
        assert form.describes(Transaction(**{**facts, name: other})) is False, name


def test_the_id_of_the_payment_follows_from_the_id_of_the_form(
    mine: Account, theirs: Account
) -> None:
    id = uuid7()
    made = uuid7_for(mine.user.pk, id)
    assert valid(mine, theirs.number, id=str(id)).payment_id == made
    assert TransferForm(initial={"id": id}, user=mine.user).payment_id == made
    assert TransferForm(initial={"id": id}, user=theirs.user).payment_id != made


def test_a_refusal_says_of_a_strangers_account_that_it_cannot_receive(
    mine: Account, theirs: Account
) -> None:
    savings = AccountFactory(user=mine.user, name="Savings")
    to_own, to_stranger = valid(mine, savings.number), valid(mine, theirs.number)
    assert (to_own.is_between_own, to_stranger.is_between_own) == (True, False)
    closed, short = RecipientClosed("It is closed."), InsufficientFunds("It has 1.00.")
    mismatch = CurrencyMismatch("It is in EUR.")
    said: list[tuple[TransferForm, LedgerError, str]] = [
        (to_own, closed, "It is closed."), (to_own, short, "It has 1.00."),
        (to_own, mismatch, "It is in EUR."),
        (to_stranger, closed, CANNOT_RECEIVE), (to_stranger, mismatch, CANNOT_RECEIVE),
        (to_stranger, short, "It has 1.00."),
    ]  # fmt: skip
    for form, refusal, words in said:
        assert form.in_words(refusal) == words


def test_the_currency_of_a_payee_is_named_and_whether_the_person_has_an_account_in_it(
    mine: Account,
) -> None:
    payee = AccountFactory(currency="EUR")
    save_payee(owner=mine.user, account=payee, name="Mara")
    refusal = CurrencyMismatch("It is in EUR.")
    none = "This account is in EUR. Open an account in EUR first."
    assert valid(mine, payee.number).in_words(refusal) == none
    own = AccountFactory(user=mine.user, currency="EUR")
    choose = "This account is in EUR. Choose one of your accounts in EUR."
    assert valid(mine, payee.number).in_words(refusal) == choose
    assert valid(own, payee.number).in_words(refusal) == CANNOT_RECEIVE  # the same currency


def test_the_currency_of_an_own_account_is_named(mine: Account) -> None:
    own = AccountFactory(user=mine.user, currency="EUR")
    refusal = CurrencyMismatch("It is in EUR.")
    another = "This account is in EUR. Open another account in EUR first."
    assert valid(mine, own.number).in_words(refusal) == another
    AccountFactory(user=mine.user, currency="EUR")
    choose = "This account is in EUR. Choose one of your accounts in EUR."
    assert valid(mine, own.number).in_words(refusal) == choose


def refused(form: TransferForm) -> tuple[bool, dict[str, list[str]]]:
    return form.refuse_unknown(), {name: [*map(str, found)] for name, found in form.errors.items()}


def test_a_strangers_number_that_cannot_be_paid_is_refused_and_counted(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    euros = AccountFactory(currency="EUR")
    assert refused(valid(mine, theirs.number)) == (False, {})
    for number in (nobodys(), euros.number):
        assert refused(valid(mine, number)) == (True, {"number": [NOT_PAYABLE]})
    asked = NamesAsked.objects.get(user=mine.user)
    assert asked.numbers == 2
    monkeypatch.setattr(quota, "WRONG_NUMBERS_A_DAY", 2)
    assert refused(valid(mine, theirs.number)) == (True, {"number": [NUMBERS_ASKED]})
    asked.refresh_from_db()
    assert asked.numbers == 2


def test_the_number_of_an_own_account_or_a_payee_is_not_counted(mine: Account) -> None:
    own, payee = AccountFactory(user=mine.user), AccountFactory(currency="EUR")
    save_payee(owner=mine.user, account=payee, name=payee.user.name)
    assert refused(valid(mine, own.number)) == (False, {})
    assert refused(valid(mine, payee.number)) == (
        True, {"number": ["This account is in EUR. Open an account in EUR first."]}
    )  # fmt: skip
    assert NamesAsked.objects.get(user=mine.user).numbers == 0


def test_a_link_fills_in_what_it_names(mine: Account, theirs: Account) -> None:
    id, other = uuid7(), AccountFactory(user=mine.user)
    link = {
        "id": str(id), "from": str(other.pk), "to": theirs.number, "amount": " 5\u200b ",
        "description": "\u202eRent",
    }  # fmt: skip
    assert prefilled(mine.user, link) == {
        "id": id, "from_account": other, "number": theirs.number, "amount": "5",
        "description": "Rent",
    }  # fmt: skip
    assert prefilled(mine.user, {}) == {}
    odd = {"id": "x", "from": "y", "to": "z", "again": "w"}
    assert prefilled(mine.user, odd) == {"number": "z"}
    assert prefilled(mine.user, {"from": str(theirs.pk)}) == {"from_account": None}


def chosen(person: User, account: Account) -> Any:
    """The account to pay from that a link to this number chooses; "none" if it chooses none."""
    return prefilled(person, {"to": account.number}).get("from_account", "none")


def test_a_link_to_an_own_number_chooses_another_account_of_its_currency(mine: Account) -> None:
    stranger = AccountFactory()
    assert chosen(mine.user, mine) == chosen(mine.user, stranger) == "none"
    euros = AccountFactory(user=mine.user, currency="EUR")
    assert chosen(mine.user, euros) == "none"
    second = AccountFactory(user=mine.user, currency="EUR")
    assert (chosen(mine.user, euros), chosen(mine.user, second)) == (second, euros)


def test_a_link_to_a_payee_chooses_a_frozen_account_last(mine: Account) -> None:
    payee = AccountFactory()
    save_payee(owner=mine.user, account=payee, name="Mara")
    freeze_account(account=mine, reason="Lost card")
    assert chosen(mine.user, payee) == mine
    second = AccountFactory(user=mine.user)
    assert chosen(mine.user, payee) == second


def test_a_link_repeats_a_payment_of_the_same_person_alone() -> None:
    mine, theirs = AccountFactory(balance="20"), AccountFactory()
    own = AccountFactory(user=mine.user)

    def again(row: Transaction, reader: User = mine.user) -> dict[str, Any]:
        return prefilled(reader, {"again": str(row.pk)})

    paid = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal("9.5"), description="Rent",
        reference="R-1",
    )  # fmt: skip
    facts = {
        "from_account": mine, "number": theirs.number, "name": theirs.user.name,
        "amount": "9.50", "description": "Rent", "reference": "R-1",
    }  # fmt: skip
    assert again(paid) == facts
    assert again(paid, theirs.user) == again(paid, UserFactory()) == {}
    moved = services.transfer(from_account=mine, to_account=own, amount=Decimal(1))
    assert again(moved) == {
        "from_account": mine, "number": own.number, "name": "", "amount": "1.00",
        "description": "", "reference": "",
    }  # fmt: skip
    assert again(services.withdraw(from_account=mine, amount=Decimal(1))) == {}
