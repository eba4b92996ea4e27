"""The views of a transfer: which step follows which, what the session keeps, what is booked."""

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from django import forms

from accounts.models import Account
from accounts.sign_in import step_up
from ledger.db.ids import uuid7, uuid7_for
from tests.factories import PASSWORD, AccountFactory, nobodys
from tests.requests import leave_unrendered, messages_of, request_of
from transactions import services
from transactions.availability import limits_in_words
from transactions.exceptions import IdempotencyConflict, InsufficientFunds
from transactions.models import Transaction
from transactions.safeguards import review
from transactions.safeguards.review import NOT_REVIEWED
from transactions.transfers import reviewed_form, views
from transactions.transfers.forms import TransferForm
from transactions.transfers.views import (
    CHANGED_AFTER_SENDING,
    PAID_BEFORE,
    SENT_ONCE,
    ReviewedTransfer,
)

pytestmark = pytest.mark.django_db
PAGE = "/transfers/new/"
ABOUT, KEPT = ReviewedTransfer.about, ReviewedTransfer.kept
FORM, REVIEW = "transactions/transfer_form.html", "transactions/transfer_review.html"


@pytest.fixture
def mine() -> Account:
    return AccountFactory(balance="100", user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """One entry for each time that a view waits for the standby. Pages are not rendered."""
    found = list[bool]()
    leave_unrendered(monkeypatch, reviewed_form)
    monkeypatch.setattr(reviewed_form, "wait_until_confirmed", lambda: found.append(True))
    return found


def typed(mine: Account, theirs: Account, **changes: Any) -> dict[str, Any]:
    return {
        "id": str(uuid7()), "from_account": str(mine.pk), "number": theirs.number, "name": "",
        "amount": "60.00", "description": "Rent", "reference": "R-1", **changes,
    }  # fmt: skip


def sent(mine: Account, fields: dict[str, Any], *, note: str = "", **facts: Any) -> Any:
    """The request that sends a form which was reviewed."""
    form = TransferForm(fields, user=mine.user)
    assert form.is_valid(), form.errors
    token = review.token_for(request_of(mine.user), ABOUT, form.as_read, note=note)
    return request_of(mine.user, {**fields, "step": "send", "reviewed": token}, **facts)


def paid(mine: Account, fields: dict[str, Any], theirs: Account) -> Transaction:
    """The payment of this form, as an earlier request has booked it."""
    return services.transfer(
        id=uuid7_for(mine.user.pk, UUID(fields["id"])), from_account=mine, to_account=theirs,
        amount=Decimal(fields["amount"]), description=fields["description"],
        reference=fields["reference"], created_by=mine.user,
    )  # fmt: skip


def transfers() -> int:
    return int(Transaction.objects.filter(type="transfer").count())


def test_a_new_form_gets_an_id_in_its_address(mine: Account) -> None:
    answer = views.transfer(request_of(mine.user, path=PAGE, query={"to": "12 34"}))
    assert answer.status_code == 302
    path, _, query = answer["Location"].partition("?")
    asked = parse_qs(query)
    assert (path, asked.pop("to"), list(asked)) == (PAGE, ["12 34"], ["id"])
    (id,) = asked["id"]
    page: Any = views.transfer(request_of(mine.user, path=PAGE, query={"id": id}))
    assert (page.status_code, page.template) == (200, FORM)
    assert page.context["form"].initial == {"id": UUID(id)}
    assert (page.context["sender"], page.context["known"]) == (mine, [])


def test_the_form_names_the_limits_and_whom_the_sender_can_pay(mine: Account) -> None:
    limited = AccountFactory(user=mine.user, name="Savings", transfer_limit=Decimal(50))
    fields = typed(limited, mine)
    page: Any = views.transfer(request_of(mine.user, fields | {"step": "edit"}))
    assert page.template == FORM
    assert {name: page.context["form"][name].value() for name in fields} == fields
    assert page.context["sender"] == limited
    assert page.context["known"] == [(mine.number, f"Everyday ··{mine.number[-4:]}")]
    words = limits_in_words([mine, limited], limited)
    assert words
    assert page.context["form"]["from_account"].help_text == words


def test_the_address_of_a_form_that_has_paid_leads_to_the_receipt(
    mine: Account, theirs: Account, waits: list[bool]
) -> None:
    fields = typed(mine, theirs)
    row = paid(mine, fields, theirs)
    request = request_of(mine.user, query={"id": fields["id"]})
    assert views.transfer(request)["Location"] == f"/transactions/{row.pk}/"
    assert messages_of(request) == [("info", SENT_ONCE)]
    assert waits == [True]


@pytest.mark.parametrize(
    ("changes", "is_same_id", "template"),
    [({}, True, REVIEW), ({}, False, FORM), ({"amount": "x"}, True, FORM)],
)
def test_a_payment_that_waited_for_a_proof_is_reviewed_again(
    mine: Account, theirs: Account, changes: dict[str, str], is_same_id: bool, template: str
) -> None:
    fields = typed(mine, theirs)
    request = request_of(mine.user, query={"id": fields["id"] if is_same_id else str(uuid7())})
    request.session[KEPT] = fields | changes
    page: Any = views.transfer(request)
    assert page.template == template
    assert page.context["form"].is_bound is (template == REVIEW)


def test_the_review_carries_the_token_of_what_it_shows_and_books_nothing(
    mine: Account, theirs: Account, waits: list[bool]
) -> None:
    request = request_of(mine.user, typed(mine, theirs), is_fresh=False)
    page: Any = views.transfer(request)
    assert (page.template, transfers()) == (REVIEW, 0)
    assert (page.context["row"].amount, page.context["row"].from_balance) == (60, 40)
    shown = page.context["review"]
    assert (shown.is_new, bool(shown.why_confirm)) == (True, True)
    again = request_of(mine.user, {"reviewed": page.context["reviewed"]})
    facts = page.context["form"].as_read
    assert review.note_of(again, ABOUT, facts) == ""
    assert review.note_of(again, ABOUT, [*facts, ("more", "")]) is None
    assert (messages_of(request), waits) == ([], [])


def test_the_token_says_that_the_recipient_was_paid_before(mine: Account, theirs: Account) -> None:
    paid(mine, typed(mine, theirs, amount="1"), theirs)
    page: Any = views.transfer(request_of(mine.user, typed(mine, theirs)))
    again = request_of(mine.user, {"reviewed": page.context["reviewed"]})
    facts = page.context["form"].as_read
    assert review.note_of(again, ABOUT, facts) == PAID_BEFORE
    assert not page.context["review"].is_new
    assert not page.context["review"].why_confirm


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": "-1", "step": "send"}, "amount"),
        ({"number": nobodys()}, "number"),
        ({"amount": "100.01"}, "__all__"),
    ],
)
def test_a_mistake_shows_the_form_again(
    mine: Account, theirs: Account, changes: dict[str, str], field: str
) -> None:
    page: Any = views.transfer(request_of(mine.user, typed(mine, theirs, **changes)))
    assert (page.template, list(page.context["form"].errors)) == (FORM, [field])
    assert transfers() == 0


@pytest.mark.parametrize("step", ["", "send"])
def test_only_what_was_reviewed_is_sent(mine: Account, theirs: Account, step: str) -> None:
    data = typed(mine, theirs, step=step) if step else typed(mine, theirs)
    request = request_of(mine.user, data)
    page: Any = views.transfer(request)
    assert (page.template, transfers()) == (REVIEW, 0)
    assert messages_of(request) == ([("warning", NOT_REVIEWED)] if step else [])


def test_what_was_reviewed_is_booked_and_no_longer_kept(
    mine: Account, theirs: Account, waits: list[bool]
) -> None:
    fields = typed(mine, theirs)
    request = sent(mine, fields)
    request.session[KEPT] = fields
    answer = views.transfer(request)
    row = Transaction.objects.get(pk=uuid7_for(mine.user.pk, UUID(fields["id"])))
    assert answer["Location"] == f"/transactions/{row.pk}/"
    assert (row.from_account, row.to_account, row.amount) == (mine, theirs, 60)
    assert (row.description, row.reference, row.created_by) == ("Rent", "R-1", mine.user)
    assert KEPT not in request.session
    assert waits == []


def test_a_new_recipient_needs_a_proof_first_and_the_form_is_kept(
    mine: Account, theirs: Account
) -> None:
    mine.user.set_password(PASSWORD)
    fields = typed(mine, theirs)
    request = sent(mine, fields, is_fresh=False)
    answer = views.transfer(request)
    assert (answer.status_code, transfers()) == (302, 0)
    assert not answer["Location"].startswith(PAGE)
    asked = request.session[step_up.ASKED]
    assert asked["back"] == f"{PAGE}?id={fields['id']}"
    assert asked["why"]
    assert request.session[KEPT] == fields


def test_a_review_of_a_known_recipient_needs_no_proof(mine: Account, theirs: Account) -> None:
    fields = typed(mine, theirs)
    assert views.transfer(sent(mine, fields, note=PAID_BEFORE, is_fresh=False)).status_code == 302
    assert transfers() == 1


def test_what_is_refused_when_it_is_sent_stays_in_the_form(mine: Account, theirs: Account) -> None:
    fields = typed(mine, theirs, amount="100.01")
    page: Any = views.transfer(sent(mine, fields))
    assert (page.template, transfers()) == (FORM, 0)
    assert list(page.context["form"].errors) == ["__all__"]
    assert page.context["form"]["amount"].value() == "100.01"


@pytest.mark.parametrize(
    ("changes", "message"),
    [({}, ("info", SENT_ONCE)), ({"amount": "61"}, ("warning", CHANGED_AFTER_SENDING))],
)
def test_a_form_that_was_sent_leads_to_its_receipt(
    mine: Account, theirs: Account, waits: list[bool], changes: Any, message: tuple[str, str]
) -> None:
    fields = typed(mine, theirs)
    row = paid(mine, fields, theirs)
    for request in (sent(mine, fields | changes), request_of(mine.user, fields | changes)):
        assert views.transfer(request)["Location"] == f"/transactions/{row.pk}/"
        assert messages_of(request) == [message]
    assert (waits, transfers()) == ([True, True], 1)


def test_a_conflict_with_what_the_form_has_paid_meanwhile_leads_to_the_receipt(
    mine: Account, theirs: Account
) -> None:
    fields = typed(mine, theirs)
    form = TransferForm(fields, user=mine.user)
    assert form.is_valid()
    refused = ReviewedTransfer(request_of(mine.user, fields))._refused
    conflict = IdempotencyConflict("It is used.")
    page: Any = refused(form, conflict)
    assert (page.template, form.errors) == (FORM, {"__all__": ["It is used."]})
    row = paid(mine, fields, theirs)
    assert refused(form, conflict)["Location"] == f"/transactions/{row.pk}/"
    assert refused(form, InsufficientFunds("Too much.")).status_code == 200
    assert form.errors == {"__all__": ["It is used.", "Too much."]}


def test_a_field_that_the_review_does_not_cover_is_refused(
    mine: Account, theirs: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(TransferForm):
        urgent = forms.BooleanField(required=False)

    monkeypatch.setattr(ReviewedTransfer, "form_class", Forgetful)
    with pytest.raises(TypeError, match="urgent"):
        views.transfer(request_of(mine.user, typed(mine, theirs)))
