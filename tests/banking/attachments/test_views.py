"""The views of attached files and their panel on a receipt, without rendering the page."""

from decimal import Decimal
from typing import Any

import pytest
from django.http import Http404

from accounts.groups import OPERATIONS
from accounts.models import Account
from banking.attachments import views
from banking.attachments.forms import AttachmentForm
from banking.attachments.models import Attachment
from banking.attachments.storage import UNAVAILABLE, StorageFailed
from ledger.db.ids import uuid7
from tests.banking.attachments.files import attached, picture, sent
from tests.conftest import colleague
from tests.factories import AccountFactory
from tests.requests import leave_unrendered, messages_of, request_of
from transactions import services
from transactions.annotations.forms import AnnotationForm
from transactions.exceptions import InvalidDetails
from transactions.models import Transaction
from transactions.receipts import views as receipts

pytestmark = pytest.mark.django_db


@pytest.fixture
def mine() -> Account:
    return AccountFactory(overdraft_limit=Decimal(100), user__name="Ana Ferreira")


@pytest.fixture
def theirs() -> Account:
    return AccountFactory(user__name="Mara Lindt")


@pytest.fixture
def paid(mine: Account, theirs: Account) -> Transaction:
    return services.transfer(from_account=mine, to_account=theirs, amount=Decimal(10))


@pytest.fixture(autouse=True)
def _unrendered(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_unrendered(monkeypatch, receipts)


def place_of(row: Transaction, part: str = "") -> str:
    return f"/transactions/{row.pk}/{part}"


def panels_of(page: Any) -> list[dict[str, Any]]:
    """What the templates of the page's panels show."""
    return [panel.values for panel in page.context["prepared_panels"]["receipt"]]


def form_of(page: Any) -> AttachmentForm:
    (panel,) = panels_of(page)
    form: AttachmentForm = panel["attachment_form"]
    return form


def test_a_receipt_shows_its_reader_their_files(mine: Account, paid: Transaction) -> None:
    file = attached(paid, mine.user)
    page: Any = receipts.receipt(request_of(mine.user), paid.pk)
    (panel,) = panels_of(page)
    assert panel["attachments"] == [file]
    assert isinstance(panel["attachment_form"], AttachmentForm)


def test_staff_have_no_files_on_a_receipt_of_others(paid: Transaction) -> None:
    assert panels_of(receipts.receipt(request_of(colleague(OPERATIONS, "Clerk")), paid.pk)) == []


def attach(reader: Account, row: Transaction | str, **more: Any) -> tuple[Any, Any]:
    data = {"transaction": getattr(row, "pk", row), "id": uuid7(), **more}
    request = request_of(reader.user, data)
    return request, views.attachment_new(request)


def test_a_file_is_attached_by_whoever_has_a_side(
    mine: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, answer = attach(mine, paid, file=sent(picture(), "lunch.jpg"))
    assert answer["Location"] == place_of(paid, "#attachments")
    assert [level for level, _ in messages_of(request)] == ["success"]
    stored = Attachment.objects.get()
    assert (stored.transaction, stored.owner, stored.file_name) == (paid, mine.user, "lunch.jpg")
    monkeypatch.setattr(views, "consume", lambda *_arguments, **_options: False)
    request, answer = attach(mine, paid)
    assert answer["Location"] == place_of(paid, "#attachments")
    assert messages_of(request) == [("error", views.TOO_MANY)]
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
    assert list(form_of(page).errors) == ["file"]

    def refuse(**_facts: Any) -> None:
        raise InvalidDetails("No room.")

    monkeypatch.setattr(views, "attach", refuse)
    _, page = attach(mine, paid, file=sent(picture(), "lunch.jpg"))
    assert form_of(page).errors == {"file": ["No room."]}
    assert isinstance(page.context["note_form"], AnnotationForm)
    assert not Attachment.objects.exists()


def test_a_file_is_saved_by_its_owner(
    mine: Account, theirs: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = attached(paid, mine.user)
    answer = views.attachment(request_of(mine.user), file.pk)
    assert (answer.status_code, answer.content) == (200, file.content)
    assert answer["Content-Type"] == file.content_type
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["Content-Security-Policy"] == views.POLICY
    with pytest.raises(Http404):
        views.attachment(request_of(theirs.user), file.pk)

    def fail(_file: Attachment) -> None:
        raise StorageFailed(UNAVAILABLE)

    for content_of, why in ((lambda _file: None, views.GONE), (fail, UNAVAILABLE)):
        monkeypatch.setattr(views, "content_of", content_of)
        request = request_of(mine.user)
        answer = views.attachment(request, file.pk)
        assert answer["Location"] == place_of(paid, "#attachments")
        assert messages_of(request) == [("error", why)]


def test_a_file_is_removed_by_its_owner_unless_the_storage_fails(
    mine: Account, theirs: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = attached(paid, mine.user)

    def fail(**_facts: Any) -> None:
        raise StorageFailed(UNAVAILABLE)

    with pytest.raises(Http404):
        views.attachment_remove(request_of(theirs.user, {}), file.pk)
    with monkeypatch.context() as patched:
        patched.setattr(views, "remove", fail)
        request = request_of(mine.user, {})
        answer = views.attachment_remove(request, file.pk)
    assert (messages_of(request), Attachment.objects.count()) == ([("error", UNAVAILABLE)], 1)
    assert answer["Location"] == place_of(paid, "#attachments")
    request = request_of(mine.user, {})
    answer = views.attachment_remove(request, file.pk)
    assert answer["Location"] == place_of(paid, "#attachments")
    assert [level for level, _ in messages_of(request)] == ["success"]
    assert not Attachment.objects.exists()
