"""The form and the services that attach receipts, without a page."""

from decimal import Decimal
from typing import Any

import pytest
from django.utils.datastructures import MultiValueDict

from accounts.models import Account
from banking.attachments.content import OTHER, FitFile, fit
from banking.attachments.forms import NO_FILE, AttachmentForm, SentFile
from banking.attachments.models import Attachment, AttachmentKind
from banking.attachments.services import TOO_MANY, TOO_MANY_BYTES, attach, remove
from ledger.db.ids import uuid7
from tests.banking.attachments.files import HTML, picture, sent
from tests.factories import AccountFactory, UserFactory
from transactions import services
from transactions.exceptions import InvalidDetails, TransactionNotFound
from transactions.models import Transaction

LIMITS = "banking.attachments.services"
FILE = FitFile("lunch", AttachmentKind.PICTURE, b"abc")


def form_of(id: object, **files: Any) -> AttachmentForm:
    return AttachmentForm(
        {"id": id}, MultiValueDict({name: [file] for name, file in files.items()})
    )


@pytest.mark.parametrize("field", ["file", "photo"])
def test_the_form_takes_a_file_from_either_field(field: str) -> None:
    id, content = uuid7(), picture()
    form = form_of(id, **{field: sent(content, "lunch.jpeg")})
    assert form.is_valid()
    assert form.cleaned_data["id"] == id
    assert form.cleaned_data["fit"] == fit("lunch.jpeg", content)


def test_the_chosen_file_goes_before_the_picture_of_the_camera() -> None:
    form = form_of(uuid7(), file=sent(HTML), photo=sent(picture()))
    assert form.errors == {"file": [OTHER]}


def test_a_form_without_a_file_or_an_id_is_refused() -> None:
    form = form_of(uuid7())
    assert form.errors == {"file": [NO_FILE]}
    assert "fit" not in form.cleaned_data
    assert sorted(form_of("", file=sent(HTML)).errors) == ["file", "id"]
    assert [*form_of("no id", file=sent(picture())).errors] == ["id"]
    assert form_of(uuid7(), file=sent(b"")).errors["file"]
    assert AttachmentForm(None).fields["id"].initial is not None


def test_a_field_for_a_file_takes_none_and_an_empty_one() -> None:
    field = SentFile(label="Picture")
    assert field.clean(None) is None
    empty = sent(b"")
    assert field.clean(empty) is empty
    assert field.label == "Picture"


@pytest.fixture
def account() -> Account:
    account: Account = AccountFactory()
    return account


@pytest.fixture
def paid(account: Account) -> Transaction:
    return services.deposit(to_account=account, amount=Decimal(5))


@pytest.mark.django_db
def test_the_same_form_attaches_a_file_once(account: Account, paid: Transaction) -> None:
    form = uuid7()
    with pytest.raises(TransactionNotFound):
        attach(transaction=paid, owner=UserFactory(), file=FILE, id=form)
    assert not Attachment.objects.exists()
    added = attach(transaction=paid, owner=account.user, file=FILE, id=form)
    again = attach(transaction=paid, owner=account.user, file=FILE, id=form)
    assert (again, again.created_at) == (added, added.created_at)
    (row,) = Attachment.objects.all()
    assert row == added
    assert (row.transaction, row.owner) == (paid, account.user)
    assert (row.name, row.kind, row.size) == ("lunch", "picture", 3)
    assert bytes(row.content or b"") == b"abc"
    other = attach(transaction=paid, owner=account.user, file=FILE, id=uuid7())
    for _time in range(2):
        remove(attachment=added)
    assert list(Attachment.objects.all()) == [other]


@pytest.mark.django_db
def test_a_payment_has_a_limited_number_of_receipts(
    account: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.MAX_PER_PAYMENT", 2)
    form = uuid7()
    first = attach(transaction=paid, owner=account.user, file=FILE, id=form)
    attach(transaction=paid, owner=account.user, file=FILE, id=uuid7())
    with pytest.raises(InvalidDetails, match=TOO_MANY):
        attach(transaction=paid, owner=account.user, file=FILE, id=uuid7())
    assert attach(transaction=paid, owner=account.user, file=FILE, id=form) == first
    other = services.deposit(to_account=account, amount=Decimal(5))
    attach(transaction=other, owner=account.user, file=FILE, id=uuid7())
    assert Attachment.objects.about(paid).count() == 2
    assert Attachment.objects.about(other).count() == 1


@pytest.mark.django_db
def test_a_person_has_a_limited_number_of_bytes(
    account: Account, paid: Transaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{LIMITS}.MAX_BYTES_PER_PERSON", 6)
    for _time in range(2):
        attach(transaction=paid, owner=account.user, file=FILE, id=uuid7())
    tiny = FitFile("dot", AttachmentKind.PICTURE, b"a")
    with pytest.raises(InvalidDetails, match=TOO_MANY_BYTES):
        attach(transaction=paid, owner=account.user, file=tiny, id=uuid7())
    assert Attachment.objects.of(account.user).count() == 2
