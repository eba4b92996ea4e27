"""The views of a receipt, and its note, without rendering the page."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.http import Http404

from accounts.groups import OPERATIONS
from accounts.models import Account
from banking.standing_orders.services import settle_paid
from tests.banking.standing_orders.orders import order_of
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory
from tests.requests import leave_unrendered, messages_of, request_of
from transactions import services
from transactions.annotations.models import Annotation
from transactions.annotations.services import NOTE_CHANGED, annotate, annotation_history
from transactions.models import Transaction
from transactions.receipts import views
from transactions.receipts.receipt import receipt_for

pytestmark = pytest.mark.django_db
PAGE = "transactions/transaction_receipt.html"


@pytest.fixture
def mine() -> Account:
    return AccountFactory(overdraft_limit=Decimal(100), user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def paid(mine: Account, theirs: Account) -> Transaction:
    return services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(10), metadata={"n": 1.50}
    )


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_unrendered(monkeypatch, views)


def place_of(row: Transaction, part: str = "") -> str:
    return f"/transactions/{row.pk}/{part}"


def noted(row: Transaction, data: dict[str, str] | None) -> tuple[Any, Any]:
    """Sends the form of the payer's note; the request and its answer."""
    assert row.from_account is not None
    request = request_of(row.from_account.user, data)
    return request, views.note(request, row.pk)


def test_a_receipt_shows_its_reader_their_note(mine: Account, paid: Transaction) -> None:
    annotate(transaction=paid, owner=mine.user, text="Lunch", tags=["food", "porto"])
    page: Any = views.receipt(request_of(mine.user), paid.pk)
    context = page.context
    assert (page.template, context["row"]) == (PAGE, paid)
    assert context["note_form"].initial == {"text": "Lunch", "tags": "food porto"}
    assert context["note_replaces"] == annotation_history(paid, mine.user).id
    assert sorted(used.tag for used in context["tags_in_use"]) == ["food", "porto"]


def test_staff_have_no_note_on_a_receipt_of_others(paid: Transaction) -> None:
    page: Any = views.receipt(request_of(colleague(OPERATIONS, "Clerk")), paid.pk)
    assert (page.template, page.context["receipt"].is_for_staff) == (PAGE, True)
    assert "note_form" not in page.context


def test_a_stranger_finds_no_receipt(mine: Account, paid: Transaction) -> None:
    stranger = UserFactory()
    for view, data in (
        (views.receipt, None), (views.note, {"text": "Mine"}), (views.metadata, None),
    ):  # fmt: skip
        with pytest.raises(Http404):
            view(request_of(stranger, data), paid.pk)
    with pytest.raises(Http404):  # the clerk reads it, and has no side of it
        views.note(request_of(colleague(OPERATIONS, "Clerk"), {"text": "Mine"}), paid.pk)
    assert not Annotation.objects.exists()


def test_the_page_names_the_ids_of_the_row_its_order_and_ones_own_account(
    mine: Account, theirs: Account
) -> None:
    order = order_of(mine, theirs)
    row = services.transfer(
        from_account=mine, to_account=theirs, amount=Decimal(10), created_by=mine.user
    )
    settle_paid(order, row)
    page: Any = views.receipt(request_of(mine.user, query={"work": "1"}), row.pk)
    assert page.context["receipt"].origin.id == order.pk
    assert page.context["panel"].known_ids == {mine.user.pk, row.pk, mine.pk, order.pk}
    other = receipt_for(row, theirs.user)
    assert (other.origin, views._known_ids(other)) == (None, [row.pk, theirs.pk])


def test_a_note_is_stored_by_a_post_alone(mine: Account, paid: Transaction) -> None:
    request, answer = noted(paid, None)
    assert answer["Location"] == place_of(paid, "#note")
    assert (messages_of(request), Annotation.objects.count()) == ([], 0)
    request, answer = noted(paid, {"text": " Lunch\u200b", "tags": "food, porto"})
    assert answer["Location"] == place_of(paid, "#note")
    assert [level for level, _ in messages_of(request)] == ["success"]
    stored = Annotation.objects.get()
    assert (stored.transaction, stored.owner) == (paid, mine.user)
    assert (stored.text, stored.tags) == ("Lunch", ["food", "porto"])


def test_a_note_that_cannot_be_stored_stays_in_the_form(mine: Account, paid: Transaction) -> None:
    _, page = noted(paid, {"text": "x" * 501})
    assert (page.template, list(page.context["note_form"].errors)) == (PAGE, ["text"])
    assert page.context["note_form"]["text"].value() == "x" * 501
    assert not Annotation.objects.exists()


def test_a_note_replaces_the_version_that_the_page_showed(mine: Account, paid: Transaction) -> None:
    annotate(transaction=paid, owner=mine.user, text="First", tags=[])
    seen = str(annotation_history(paid, mine.user).id)
    _, answer = noted(paid, {"text": "Second", "replaces": seen})
    assert answer.status_code == 302
    current = str(annotation_history(paid, mine.user).id)
    _, page = noted(paid, {"text": "Third", "replaces": seen})
    assert page.context["note_form"].errors == {"__all__": [NOTE_CHANGED]}
    assert page.context["note_replaces"] == current
    assert annotation_history(paid, mine.user).text == "Second"


def test_a_wrong_note_is_told_that_another_version_is_there(
    mine: Account, paid: Transaction
) -> None:
    annotate(transaction=paid, owner=mine.user, text="First", tags=[])
    seen = str(annotation_history(paid, mine.user).id)
    annotate(transaction=paid, owner=mine.user, text="Second", tags=[])
    _, page = noted(paid, {"text": "x" * 501, "replaces": seen})
    assert list(page.context["note_form"].errors) == ["text", "__all__"]
    assert page.context["note_form"].errors["__all__"] == [NOTE_CHANGED]
    assert page.context["note_replaces"] == seen


def test_the_metadata_are_a_file(mine: Account, paid: Transaction) -> None:
    answer = views.metadata(request_of(mine.user), paid.pk)
    assert json.loads(answer.content) == {"n": 1.5}
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="transaction-{paid.pk}.json"'


def test_the_sides_are_a_file_with_the_readers_balance_alone(
    mine: Account, theirs: Account, paid: Transaction
) -> None:
    answer: Any = views.sides_file(request_of(mine.user), paid.pk, "json")
    rows = json.loads(b"".join(answer.streaming_content))
    kept = ("side", "name", "account_number", "amount", "balance", "transaction")
    assert [[row[name] for name in kept] for row in rows] == [
        ["from", "Everyday", mine.number, "-10.00", "-10.00", str(paid.pk)],
        ["to", "Mara Lindt", theirs.number, "10.00", None, str(paid.pk)],
    ]
