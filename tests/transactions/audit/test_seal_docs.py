"""The SQL of docs/audit.md, run as it stands, gives the digests that are stored."""

import re
from pathlib import Path

import pytest
from django.db import connection

from tests.transactions.audit.sealed_books import day, march
from transactions import services
from transactions.audit import digest as seal_text
from transactions.audit.sealing import seal
from transactions.models import Seal, SealedDay

pytestmark = pytest.mark.django_db

DOCS = Path(__file__).resolve().parents[3] / "docs" / "audit.md"
ROW, DAY, SEAL = re.findall(r"```sql\n(.*?);\n```", DOCS.read_text(), re.DOTALL)
ROW_DIGEST = ROW.partition(", ")[2].partition(" AS digest")[0]


def answer(sql: str) -> dict[object, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return dict(cursor.fetchall())


def test_anybody_can_compute_the_digests_of_days_and_seals() -> None:
    account, _ = march()
    services.hold(from_account=account, amount=1)  # type: ignore[arg-type]
    seal(until=day(3))
    seal(until=day(5))
    stored = {one.day: bytes(one.digest) for one in SealedDay.objects.all()}
    days = answer(DAY.replace("ROW_DIGEST", ROW_DIGEST))
    assert {one: digest for one, digest in days.items() if one in stored} == stored
    assert len(stored) == 3
    assert answer(SEAL) == {one.number: bytes(one.digest) for one in Seal.objects.all()}


def test_the_text_of_version_1_stays_as_it_was() -> None:
    """Another text needs another VERSION, or every seal there is would look broken."""
    words = " ".join(seal_text.ROW_TEXT.split())
    assert " ".join(ROW_DIGEST.split()) == f"sha256(convert_to({words}, 'UTF8'))"
    assert seal_text.VERSION == 1
