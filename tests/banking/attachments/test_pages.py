"""Adding, downloading and removing a receipt on a payment's page."""

import io
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.db import IntegrityError
from django.test import Client
from PIL import Image

from accounts.models import Account, User
from banking.attachments import views
from banking.attachments.content import OTHER, FitFile, fit
from banking.attachments.forms import NO_FILE
from banking.attachments.models import Attachment
from banking.attachments.pdf.messages import ENCRYPTED
from banking.attachments.services import MAX_PER_PAYMENT, TOO_MANY, TOO_MANY_BYTES, attach
from ledger.db.ids import uuid7
from tests.attacks.expected_headers import wrong_headers
from tests.banking.attachments.files import (
    HTML,
    attached,
    document,
    encrypted,
    picture,
    sent,
    with_data,
)
from tests.factories import AccountFactory, UserFactory
from tests.pages import markup_of, text_of
from transactions import services
from transactions.exceptions import TransactionNotFound
from transactions.models import Transaction

pytestmark = pytest.mark.django_db
NEW = "/attachments/new/"


@pytest.fixture
def ana(client: Client) -> Account:
    account: Account = AccountFactory(balance="100", user__name="Ana")
    client.force_login(account.user)
    return account


@pytest.fixture
def mara() -> Account:
    mara: Account = AccountFactory(user__name="Mara")
    return mara


@pytest.fixture
def paid(ana: Account, mara: Account) -> Transaction:
    return services.transfer(from_account=ana, to_account=mara, amount=Decimal(10))


def url_of(thing: Transaction | Attachment, step: str = "") -> str:
    kind = "transactions" if isinstance(thing, Transaction) else "attachments"
    return f"/{kind}/{thing.pk}/{step}"


def send(client: Client, row: Transaction | UUID | str, content: bytes | None, **more: Any) -> Any:
    name = more.pop("name", "lunch.jpg")
    data: dict[str, Any] = {"transaction": getattr(row, "pk", row), "id": uuid7(), **more}
    if content is not None:
        data["file"] = sent(content, name)
    return client.post(NEW, data)


def test_a_picture_is_attached_shown_downloaded_and_removed(
    client: Client, ana: Account, paid: Transaction
) -> None:
    answer = send(client, paid, with_data(), name="Lunch with Mara.jpeg")

    assert answer.headers["Location"] == f"{url_of(paid)}#attachments"
    (row,) = Attachment.objects.all()
    assert (row.transaction_id, row.owner) == (paid.pk, ana.user)
    page = text_of(client.get(url_of(paid)))
    assert "Lunch with Mara.jpg is attached." in page
    assert "Lunch with Mara.jpg Picture," in page
    answer = client.get(url_of(row))
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"
    assert len(answer.content) == row.size
    answer = client.post(url_of(row, "remove/"))
    assert answer.headers["Location"] == f"{url_of(paid)}#attachments"
    assert not Attachment.objects.exists()
    assert client.get(url_of(row)).status_code == 404
    assert client.post(url_of(row, "remove/")).status_code == 404


def test_a_document_is_attached(client: Client, paid: Transaction) -> None:
    send(client, paid, document(), name="invoice.png")

    row = Attachment.objects.get()
    answer = client.get(url_of(row))
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="invoice.pdf"'
    assert answer.content.startswith(b"%PDF-")


def test_a_file_is_saved_never_shown(client: Client, ana: Account, paid: Transaction) -> None:
    row = attached(paid, ana.user, name='x"; filename="a.html\r\nX: y.png')

    answer = client.get(url_of(row))

    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["Content-Disposition"].endswith('.jpg"')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert wrong_headers(answer.headers) == []
    head = client.head(url_of(row))
    assert (head.status_code, head.content) == (200, b"")


def test_a_picture_of_the_camera_is_attached(client: Client, paid: Transaction) -> None:
    send(client, paid, None, photo=sent(picture(), "image.jpg"))

    assert Attachment.objects.get().file_name == "image.jpg"


def test_only_who_added_it_sees_it(
    client: Client, ana: Account, mara: Account, paid: Transaction, clerk: User, root: Client
) -> None:
    row = attached(paid, ana.user, name="qzlunchqz.jpg")
    other_side, stranger, staff = Client(), Client(), Client()
    other_side.force_login(mara.user)
    stranger.force_login(UserFactory())
    staff.force_login(clerk)

    for reader in (other_side, stranger, staff, root, Client()):
        assert reader.get(url_of(row)).status_code in (302, 404)
        assert reader.post(url_of(row, "remove/")).status_code in (302, 404)
    for reader in (other_side, staff, root):
        page = reader.get(url_of(paid))
        assert page.status_code == 200
        assert "qzlunchqz" not in markup_of(page)
    assert other_side.get(url_of(row)).status_code == 404
    assert root.get(url_of(row)).status_code == 404
    assert "Add a picture" not in text_of(staff.get(url_of(paid)))
    assert "qzlunchqz.jpg" in text_of(client.get(url_of(paid)))
    assert Attachment.objects.exists()


def test_nobody_attaches_to_a_payment_of_others(
    client: Client, ana: Account, paid: Transaction, clerk: User
) -> None:
    stranger, staff = Client(), Client()
    stranger.force_login(UserFactory())
    staff.force_login(clerk)

    for reader in (stranger, staff):
        assert send(reader, paid, picture()).status_code == 404
    for other in (uuid7(), "no id", "\x00", ""):
        assert send(client, other, picture()).status_code == 404
    with pytest.raises(TransactionNotFound):
        attached(paid, UserFactory())
    assert not Attachment.objects.exists()


def test_the_database_refuses_an_attachment_of_a_stranger(paid: Transaction) -> None:
    facts: dict[str, Any] = {"name": "a", "kind": "picture", "size": 1, "content": b"a"}
    with pytest.raises(IntegrityError, match="Only the owner of a side"):
        Attachment.objects.create(id=uuid7(), transaction=paid, owner=UserFactory(), **facts)


@pytest.mark.parametrize(
    ("content", "why"), [(None, NO_FILE), (HTML, OTHER), (encrypted(), ENCRYPTED)]
)
def test_a_file_that_is_refused_is_told_in_the_form(
    client: Client, paid: Transaction, content: bytes | None, why: str
) -> None:
    answer = send(client, paid, content)

    assert answer.status_code == 200
    assert why in text_of(answer)
    assert '<details class="query" open>' in markup_of(answer)
    assert not Attachment.objects.exists()


def test_the_same_form_sent_twice_attaches_once(client: Client, paid: Transaction) -> None:
    key = uuid7()
    for _time in range(2):
        assert send(client, paid, picture(), id=key).status_code == 302

    assert Attachment.objects.count() == 1


def test_a_payment_has_so_many_of_each_side_and_no_more(
    client: Client, ana: Account, mara: Account, paid: Transaction
) -> None:
    for _time in range(MAX_PER_PAYMENT):
        attached(paid, mara.user)
        send(client, paid, picture())

    assert TOO_MANY in text_of(send(client, paid, picture()))
    assert Attachment.objects.of(ana.user).count() == MAX_PER_PAYMENT


def test_a_person_has_so_many_bytes(
    client: Client, ana: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = attached(paid, ana.user).size
    limit = "banking.attachments.services.MAX_BYTES_PER_PERSON"
    monkeypatch.setattr(limit, 2 * size)
    assert send(client, paid, picture()).status_code == 302
    assert TOO_MANY_BYTES in text_of(send(client, paid, picture()))


def test_a_person_sends_so_many_a_day(
    client: Client, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.clear()
    monkeypatch.setattr(views, "RATE", {"attach": "2/d/user"})
    for _time in range(2):
        send(client, paid, HTML)

    answer = send(client, paid, picture())

    assert answer.status_code == 302
    assert views.TOO_MANY in text_of(client.get(url_of(paid)))
    assert not Attachment.objects.exists()


def test_a_file_without_its_content_says_so_and_can_be_removed(
    client: Client, ana: Account, paid: Transaction
) -> None:
    row = attached(paid, ana.user)
    Attachment.objects.update(content=None)

    assert client.get(url_of(row)).status_code == 302
    assert views.GONE in text_of(client.get(url_of(paid)))
    client.post(url_of(row, "remove/"))
    assert not Attachment.objects.exists()


def test_lists_do_not_read_the_content(
    client: Client, ana: Account, paid: Transaction, django_assert_num_queries: Any
) -> None:
    attached(paid, ana.user)
    with django_assert_num_queries(1) as sent_queries:
        list(Attachment.objects.of(ana.user).about(paid).in_order())

    assert '"content"' not in sent_queries[0]["sql"]


def test_another_file_in_the_form_of_before_is_attached_too(
    ana: Account, paid: Transaction
) -> None:
    """As after Back, when the browser shows the form again that was sent."""
    form = uuid7()
    for _time in range(2):  # each of them sent twice
        attached(paid, ana.user, id=form)
    for _time in range(2):
        attached(paid, ana.user, name="other.png", id=form)
    first = fit("lunch.jpg", picture())
    same_looks = FitFile(first.name, first.kind, bytes(len(first.content)))
    attach(transaction=paid, owner=ana.user, file=same_looks, id=form)

    assert [row.file_name for row in Attachment.objects.order_by("created_at")] == [
        "lunch.jpg", "other.jpg", "lunch.jpg",
    ]  # fmt: skip
