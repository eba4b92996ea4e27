"""The site never decompresses request bodies, so a small body cannot become a large body."""

import gzip
import io
import tracemalloc
import zipfile
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from banking.payment_files.models import PaymentFile
from ledger.db.ids import uuid7
from tests.attacks.bank import AttackedBank
from tests.attacks.people import signed_in

pytestmark = pytest.mark.django_db
NEW_FILE = "/transfers/files/new/"
MEGABYTE = 2**20
ZEROS = b"\0" * (50 * MEGABYTE)


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("payments.csv", ZEROS)
    return stream.getvalue()


def peak_while(work: Any) -> tuple[Any, int]:
    """Returns the result of `work`, and the peak of its memory use above the use before."""
    tracemalloc.start()
    try:
        return work(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "bomb"), [("a.zip", zipped()), ("a.csv.gz", gzip.compress(ZEROS))]
)
def test_a_bomb_is_read_as_the_bytes_that_it_has(
    bank: AttackedBank, name: str, bomb: bytes
) -> None:
    eve, before = signed_in(bank.eve.user), PaymentFile.objects.count()
    form = {"id": uuid7(), "from_account": bank.eve.everyday.pk}

    def upload() -> Any:
        return eve.post(NEW_FILE, {**form, "file": SimpleUploadedFile(name, bomb)})

    answer, peak = peak_while(upload)

    assert answer.status_code == 200
    assert answer.context["form"].errors["file"]
    assert PaymentFile.objects.count() == before
    assert peak < 10 * MEGABYTE


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
def test_a_compressed_body_is_not_unpacked(encoding: str) -> None:
    body = gzip.compress(b"login=ana%40mail.example&password=" + b"x" * MEGABYTE)
    kind = "application/x-www-form-urlencoded"
    strict = Client(headers={"content-encoding": encoding})

    answer, peak = peak_while(lambda: strict.post("/account/login/", body, content_type=kind))

    assert answer.status_code in (200, 400)  # the fields are not found in this body
    assert not answer.wsgi_request.POST.get("login")
    assert peak < 8 * MEGABYTE
