"""The views of a receipt, its note and its attachments, without rendering the page."""

import json
from decimal import Decimal
from typing import Any

import pytest
from django.http import Http404

from accounts.groups import OPERATIONS
from accounts.models import Account
from ledger.db.ids import uuid7
from tests.conftest import colleague
from tests.factories import AccountFactory, UserFactory
from tests.requests import leave_unrendered, messages_of, request_of
from tests.transactions.attachments.files import attached, picture, sent
from tests.transactions.standing_orders.orders import order_of
from transactions import services
from transactions.annotations.forms import AnnotationForm
from transactions.annotations.services import NOTE_CHANGED, annotate, annotation_history
from transactions.attachments.forms import AttachmentForm
from transactions.attachments.storage import AWAY, StorageFailed
from transactions.exceptions import InvalidDetails
from transactions.models import Annotation, Attachment, Transaction
from transactions.receipts import attachment_views, views
from transactions.receipts.receipt import receipt_for
from transactions.standing_orders.services import settle_paid

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


def test_a_receipt_shows_its_reader_their_note_and_files(mine: Account, paid: Transaction) -> None:
    annotate(transaction=paid, owner=mine.user, text="Lunch", tags=["food", "porto"])
    file = attached(paid, mine.user)
    page: Any = views.receipt(request_of(mine.user), paid.pk)
    context = page.context
    assert (page.template, context["row"], context["attachments"]) == (PAGE, paid, [file])
    assert context["note_form"].initial == {"text": "Lunch", "tags": "food porto"}
    assert context["note_replaces"] == annotation_history(paid, mine.user).id
    assert isinstance(context["attachment_form"], AttachmentForm)
    assert sorted(used.tag for used in context["tags_in_use"]) == ["food", "porto"]


def test_staff_have_no_note_on_a_receipt_of_others(paid: Transaction) -> None:
    page: Any = views.receipt(request_of(colleague(OPERATIONS, "Clerk")), paid.pk)
    assert (page.template, page.context["receipt"].is_for_staff) == (PAGE, True)
    assert not {"note_form", "attachments", "attachment_form"} & set(page.context)


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


def attach(reader: Account, row: Transaction | str, **more: Any) -> tuple[Any, Any]:
    data = {"transaction": getattr(row, "pk", row), "id": uuid7(), **more}
    request = request_of(reader.user, data)
    return request, attachment_views.attachment_new(request)


def test_a_file_is_attached_by_whoever_has_a_side(
    mine: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, answer = attach(mine, paid, file=sent(picture(), "lunch.jpg"))
    assert answer["Location"] == place_of(paid, "#attachments")
    assert [level for level, _ in messages_of(request)] == ["success"]
    stored = Attachment.objects.get()
    assert (stored.transaction, stored.owner, stored.file_name) == (paid, mine.user, "lunch.jpg")
    monkeypatch.setattr(attachment_views, "consume", lambda *_arguments, **_options: False)
    request, answer = attach(mine, paid)
    assert answer["Location"] == place_of(paid, "#attachments")
    assert messages_of(request) == [("error", attachment_views.TOO_MANY)]
    assert Attachment.objects.count() == 1


def test_nothing_is_attached_to_what_is_not_there_or_of_others(
    mine: Account, theirs: Account, paid: Transaction
) -> None:
    clerk = Account(user=colleague(OPERATIONS, "Clerk"))
    for reader, row in ((mine, "nonsense"), (mine, str(uuid7())), (clerk, paid)):
        with pytest.raises(Http404):
            attach(reader, row, file=sent(picture(), "lunch.jpg"))
    assert not Attachment.objects.exists()


def test_a_file_that_is_refused_is_told_in_the_form(
    mine: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, page = attach(mine, paid)
    assert list(page.context["attachment_form"].errors) == ["file"]

    def refuse(**_facts: Any) -> None:
        raise InvalidDetails("No room.")

    monkeypatch.setattr(attachment_views, "attach", refuse)
    _, page = attach(mine, paid, file=sent(picture(), "lunch.jpg"))
    assert page.context["attachment_form"].errors == {"file": ["No room."]}
    assert isinstance(page.context["note_form"], AnnotationForm)
    assert not Attachment.objects.exists()


def test_a_file_is_saved_by_its_owner(
    mine: Account, theirs: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = attached(paid, mine.user)
    answer = attachment_views.attachment(request_of(mine.user), file.pk)
    assert (answer.status_code, answer.content) == (200, file.content)
    assert answer["Content-Type"] == file.content_type
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["Content-Security-Policy"] == attachment_views.POLICY
    with pytest.raises(Http404):
        attachment_views.attachment(request_of(theirs.user), file.pk)

    def fail(_file: Attachment) -> None:
        raise StorageFailed(AWAY)

    for content_of, why in ((lambda _file: None, attachment_views.GONE), (fail, AWAY)):
        monkeypatch.setattr(attachment_views, "content_of", content_of)
        request = request_of(mine.user)
        answer = attachment_views.attachment(request, file.pk)
        assert answer["Location"] == place_of(paid, "#attachments")
        assert messages_of(request) == [("error", why)]


def test_a_file_is_removed_by_its_owner_unless_the_storage_fails(
    mine: Account, theirs: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = attached(paid, mine.user)

    def fail(**_facts: Any) -> None:
        raise StorageFailed(AWAY)

    with pytest.raises(Http404):
        attachment_views.attachment_remove(request_of(theirs.user, {}), file.pk)
    with monkeypatch.context() as patched:
        patched.setattr(attachment_views, "remove", fail)
        request = request_of(mine.user, {})
        answer = attachment_views.attachment_remove(request, file.pk)
    assert (messages_of(request), Attachment.objects.count()) == ([("error", AWAY)], 1)
    assert answer["Location"] == place_of(paid, "#attachments")
    request = request_of(mine.user, {})
    answer = attachment_views.attachment_remove(request, file.pk)
    assert answer["Location"] == place_of(paid, "#attachments")
    assert [level for level, _ in messages_of(request)] == ["success"]
    assert not Attachment.objects.exists()
