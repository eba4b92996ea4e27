"""Attachments in a storage outside of the database: each object has its row."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, storages
from django.db import OperationalError
from django.test import Client

from accounts.erased import NAME
from accounts.models import Account
from banking.attachments import services as attachments
from banking.attachments.content import fit
from banking.attachments.models import Attachment
from banking.attachments.storage import UNAVAILABLE, StorageFailed, content_of
from ledger.db.ids import uuid7
from ledger.settings import attachments as attachment_settings
from tests.banking.attachments.files import attached, picture, sent
from tests.factories import AccountFactory
from tests.optional import optional
from tests.pages import text_of
from transactions import services
from transactions.models import Transaction
from transactions.privacy.erasure import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def outside(settings: Any) -> InMemoryStorage:
    memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "attachments": memory}
    storage = storages["attachments"]
    assert isinstance(storage, InMemoryStorage)
    return storage


@pytest.fixture
def ana(client: Client) -> Account:
    account: Account = AccountFactory(balance="100")
    client.force_login(account.user)
    return account


@pytest.fixture
def paid(ana: Account) -> Transaction:
    return services.transfer(from_account=ana, to_account=AccountFactory(), amount=Decimal(10))


def objects(outside: InMemoryStorage) -> list[str]:
    return outside.listdir("attachments")[1] if outside.exists("attachments") else []


def fails(*_values: Any, **_options: Any) -> None:
    raise ConnectionError("no route")


def test_the_content_is_outside_under_the_id_of_its_row(
    client: Client, ana: Account, paid: Transaction, outside: InMemoryStorage
) -> None:
    row = attached(paid, ana.user)

    assert Attachment.objects.get().content is None
    assert objects(outside) == [str(row.pk)]
    answer = client.get(f"/attachments/{row.pk}/")
    assert answer.content.startswith(b"\xff\xd8\xff")
    assert len(answer.content) == row.size
    client.post(f"/attachments/{row.pk}/remove/")
    assert objects(outside) == []
    assert not Attachment.objects.exists()


def test_what_the_database_has_is_read_from_there(
    ana: Account, paid: Transaction, request: pytest.FixtureRequest
) -> None:
    row = attached(paid, ana.user)
    request.getfixturevalue("outside")

    assert content_of(Attachment.objects.get(pk=row.pk)) == row.content


def test_a_file_that_is_not_stored_has_no_row(
    client: Client, paid: Transaction, outside: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InMemoryStorage, "save", fails)

    answer = client.post(
        "/attachments/new/",
        {"transaction": paid.pk, "id": "019e0000-0000-7000-8000-000000000000",
         "file": sent(picture())},
    )  # fmt: skip

    assert UNAVAILABLE in text_of(answer)
    assert not Attachment.objects.exists()


def test_a_file_whose_row_alone_was_stored_is_stored_by_the_next_try(
    ana: Account, paid: Transaction, outside: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a COMMIT whose answer was lost, or a process that died."""
    stored, once = attachments._insert, uuid7()

    def lost(row: Attachment) -> None:
        stored(row)
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(attachments, "_insert", lost)
    with pytest.raises(OperationalError):
        attached(paid, ana.user, id=once)
    monkeypatch.undo()
    assert objects(outside) == []

    other = fit("other.jpg", picture(size=(90, 90)))
    beside = attachments.attach(transaction=paid, owner=ana.user, file=other, id=once)
    assert objects(outside) == [str(beside.pk)], "another file"
    row = attached(paid, ana.user, id=once)
    assert len(content_of(row) or b"") == row.size
    again = outside.get_modified_time(f"attachments/{row.pk}")
    attached(paid, ana.user, id=once)
    assert outside.get_modified_time(f"attachments/{row.pk}") == again
    assert sorted(objects(outside)) == sorted([str(row.pk), str(beside.pk)])


def test_while_s3_is_away_a_row_may_stay_whose_file_the_same_form_stores_later(
    client: Client, paid: Transaction, outside: InMemoryStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object may be there after all, so its row is not removed without it."""
    form = {"transaction": paid.pk, "id": str(uuid7())}
    for method in ("save", "open", "delete"):
        monkeypatch.setattr(InMemoryStorage, method, fails)
    for _ in range(2):
        answer = client.post("/attachments/new/", {**form, "file": sent(picture())})
        assert UNAVAILABLE in text_of(answer)
    monkeypatch.undo()

    client.post("/attachments/new/", {**form, "file": sent(picture())})
    assert len(content_of(Attachment.objects.get()) or b"") == Attachment.objects.get().size


def test_a_file_that_is_not_deleted_keeps_its_row(
    client: Client,
    ana: Account,
    paid: Transaction,
    outside: InMemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = attached(paid, ana.user)
    monkeypatch.setattr(InMemoryStorage, "delete", fails)

    client.post(f"/attachments/{row.pk}/remove/")

    assert UNAVAILABLE in text_of(client.get(f"/transactions/{paid.pk}/"))
    assert Attachment.objects.exists()
    with pytest.raises(StorageFailed):
        erase(ana.user)
    ana.user.refresh_from_db()
    assert ana.user.name != NAME
    monkeypatch.undo()
    erase(ana.user)
    assert objects(outside) == []
    assert not Attachment.objects.exists()


def _replace(outside: InMemoryStorage, key: str) -> None:
    outside.delete(key)
    outside.save(key, ContentFile(b"cut off"))


@pytest.mark.parametrize("spoil", [lambda outside, key: outside.delete(key), _replace])
def test_a_file_that_is_gone_or_cut_off_is_not_sent(
    client: Client,
    ana: Account,
    paid: Transaction,
    outside: InMemoryStorage,
    spoil: Callable[[InMemoryStorage, str], None],
) -> None:
    row = attached(paid, ana.user)
    spoil(outside, f"attachments/{row.pk}")

    assert client.get(f"/attachments/{row.pk}/").status_code == 302


def test_a_storage_that_is_away_is_told(
    client: Client,
    ana: Account,
    paid: Transaction,
    outside: InMemoryStorage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = attached(paid, ana.user)
    monkeypatch.setattr(InMemoryStorage, "open", fails)

    assert client.get(f"/attachments/{row.pk}/").status_code == 302
    assert UNAVAILABLE in text_of(client.get(f"/transactions/{paid.pk}/"))


S3 = {"LEDGER_ATTACHMENTS": "s3", "LEDGER_ATTACHMENTS_BUCKET": "bank-receipts"}


def test_s3_has_no_public_files_and_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in S3.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEDGER_ATTACHMENTS_REGION", "eu-central-1")
    optional("boto3")

    (chosen,) = attachment_settings.storage().values()

    options = chosen["OPTIONS"]
    assert chosen["BACKEND"] == "storages.backends.s3.S3Storage"
    assert (options["bucket_name"], options["default_acl"]) == ("bank-receipts", None)
    assert options["client_config"].read_timeout <= 10


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"LEDGER_ATTACHMENTS": "disk"}, "LEDGER_ATTACHMENTS"),
        ({"LEDGER_ATTACHMENTS_BUCKET": "bank"}, "LEDGER_ATTACHMENTS_BUCKET"),
        ({**S3, "LEDGER_ATTACHMENTS_BUCKET": ""}, "LEDGER_ATTACHMENTS_BUCKET"),
        ({**S3, "LEDGER_ATTACHMENTS_BUCKET": "s3://bank"}, "LEDGER_ATTACHMENTS_BUCKET"),
        ({**S3, "LEDGER_ATTACHMENTS_ENDPOINT": "minio"}, "LEDGER_ATTACHMENTS_ENDPOINT"),
        (
            {**S3, "LEDGER_ATTACHMENTS_ENDPOINT": "http://s3.example.com"},
            "LEDGER_ATTACHMENTS_ENDPOINT",
        ),
    ],
)
def test_a_wrong_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: dict[str, str],
    name: str,
) -> None:
    monkeypatch.setattr(attachment_settings, "find_spec", lambda _name: object())
    for key, value in wrong.items():
        monkeypatch.setenv(key, value)

    with pytest.raises(SystemExit):
        attachment_settings.storage()
    assert f"{name} is wrong" in capsys.readouterr().err
