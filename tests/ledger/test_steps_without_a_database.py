"""A form that books in two steps says which one it was sent for. Without its database, the page of
a step that books nothing says so; the page of the step that books does not.
"""

import re
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import Account
from ledger.db.ids import uuid7
from ledger.db.retry import NotConfirmed
from ledger.web.database_errors import page_for
from ledger.web.kept_forms import BOOKS_NOTHING, PLAIN
from ledger.web.template_files import template_files
from tests.attacks.forms import PageForm, forms_of
from tests.factories import AccountFactory, balances
from tests.pages import text_of
from tests.unreachable import unreachable_database
from transactions import services

TRANSFER = "/transfers/new/"
DESK = reverse("admin:transactions_transaction_cash_desk")
BOOKS = {"send", "book", "ask", "pay", "whole", "approve", "do", "agree"}  # or may lead to it
MAY_BE_BOOKED = "we may have booked it already"
BOOKED_NOTHING = "This attempt booked nothing"


def payment_form(answer: Any) -> PageForm:
    """The form of this page that has an id, with the step that the Enter key sends it for: that
    presses the first button.
    """
    page = answer.content.decode()
    (found,) = (form for form in forms_of(page, TRANSFER) if "id" in form.values)
    steps = re.findall(r'name="step"\s+value="(\w+)"', page)
    found.values["step"] = steps[0]
    return found


def post(client: Client, url: str, form: dict[str, str]) -> Any:
    """As a browser does."""
    return client.post(url, urlencode(form), PLAIN)


def typed_transfer(client: Client, account: Account, other: Account) -> dict[str, str]:
    """The form of a transfer of 30, as the account's owner sends it to be reviewed."""
    client.force_login(account.user)
    new = payment_form(client.get(TRANSFER, follow=True))
    facts = {"from_account": str(account.pk), "number": other.number, "amount": "30"}
    return new.filled(facts)


def without_database(client: Client, url: str, form: dict[str, str]) -> Any:
    client.raise_request_exception = False
    with unreachable_database():
        answer = post(client, url, form)
    assert answer.status_code == 503
    return answer


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
def test_the_review_of_a_transfer_says_that_it_books_nothing(client: Client) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    typed = typed_transfer(client, account, other)
    assert typed["step"] == "review", "also where the Enter key sends it"

    away = without_database(client, TRANSFER, typed)
    assert "This step books nothing" in text_of(away)
    assert MAY_BE_BOOKED not in text_of(away)
    assert b"data-again" in away.content
    kept = payment_form(away).values
    assert kept == typed

    seen = post(client, TRANSFER, kept)
    review = payment_form(seen).values
    assert review["step"] == "send"
    away = without_database(client, TRANSFER, review)
    assert BOOKED_NOTHING in text_of(away)
    assert MAY_BE_BOOKED not in text_of(away)
    assert "books nothing" not in text_of(away)

    assert post(client, TRANSFER, payment_form(away).values).status_code == 302
    assert balances(account, other) == [70, 30]


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
def test_the_review_of_staff_says_that_it_books_nothing(staff: Client) -> None:
    account = AccountFactory(balance="10")
    new = payment_form(staff.get(DESK, follow=True))
    slip = {"number": account.number, "kind": "deposit", "amount": "50", "reference": "S-1"}
    typed = new.filled(slip)
    assert typed["step"] == "review"

    away = without_database(staff, DESK, typed)
    assert "This step books nothing" in text_of(away)
    assert MAY_BE_BOOKED not in text_of(away)

    seen = post(staff, DESK, payment_form(away).values)
    review = payment_form(seen).values
    assert review["step"] == "book"
    changed = without_database(staff, DESK, {**review, "step": "edit"})
    assert "This step books nothing" in text_of(changed)
    away = without_database(staff, DESK, review)
    assert BOOKED_NOTHING in text_of(away)
    assert post(staff, DESK, payment_form(away).values).status_code == 302
    assert balances(account) == [60]


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
def test_after_an_attempt_of_unknown_outcome_a_form_that_meets_no_database_may_have_booked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    review = payment_form(post(client, TRANSFER, typed_transfer(client, account, other))).values
    with monkeypatch.context() as patched:
        patched.setattr("transactions.services.book_once", lost_after_booking(services.book_once))
        unknown = post(client, TRANSFER, review)
    assert MAY_BE_BOOKED in text_of(unknown)

    away = without_database(client, TRANSFER, payment_form(unknown).values)
    assert MAY_BE_BOOKED in text_of(away)
    again = without_database(client, TRANSFER, payment_form(away).values)
    assert MAY_BE_BOOKED in text_of(again)

    assert post(client, TRANSFER, payment_form(again).values).status_code == 302
    assert balances(account, other) == [70, 30]


@pytest.mark.own_connection
@pytest.mark.django_db(transaction=True)
def test_a_request_that_loses_its_database_after_it_booked_may_have_booked(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, other = AccountFactory(balance="100"), AccountFactory()
    review = payment_form(post(client, TRANSFER, typed_transfer(client, account, other))).values
    refused = lost_after_booking(services.book_once, psycopg.errors.CannotConnectNow())
    with monkeypatch.context() as patched:
        patched.setattr("transactions.services.book_once", refused)
        assert MAY_BE_BOOKED in text_of(post(client, TRANSFER, review))
    assert balances(account, other) == [70, 30]


def lost_after_booking(book: Any, cause: psycopg.Error | None = None) -> Any:
    """Books, and then loses the connection."""

    def booked(*arguments: Any, **options: Any) -> None:
        book(*arguments, **options)
        raise OperationalError("x") from cause or psycopg.errors.AdminShutdown()

    return booked


def failed(form: dict[str, str], cause: psycopg.Error | None = None) -> str:
    """The page for a form that met this error; without one, a commit was not confirmed."""
    error = OperationalError("x") if cause else NotConfirmed("x")
    error.__cause__ = cause
    answer = page_for(RequestFactory().post(TRANSFER, urlencode(form), PLAIN), error)
    assert answer is not None
    return answer.content.decode()


def test_a_review_is_tried_again_by_itself_also_where_a_lock_was_in_the_way() -> None:
    lock, review = psycopg.errors.LockNotAvailable(), {"id": str(uuid7()), "step": "review"}
    assert "data-again" in failed(review, lock)
    assert "data-again" not in failed({**review, "step": "send"}, lock)


def test_a_form_without_a_step_may_have_booked() -> None:
    assert MAY_BE_BOOKED in failed({"id": str(uuid7())}, psycopg.errors.AdminShutdown())


def test_a_step_without_a_kept_form_says_that_it_books_nothing() -> None:
    page = failed({"step": "check"}, psycopg.errors.AdminShutdown())
    assert "This step books nothing" in page
    assert "If you were making a payment" not in page


def test_a_review_that_finds_its_payment_unconfirmed_may_have_booked() -> None:
    assert MAY_BE_BOOKED in failed({"id": str(uuid7()), "step": "review"})


def test_every_step_of_a_form_is_known_to_book_or_not_to() -> None:
    found = set()
    for _name, template in template_files():
        found |= set(re.findall(r'name="step"\s+value="(\w+)"', template.read_text()))
    assert found - BOOKS == BOOKS_NOTHING
    assert found >= BOOKS
