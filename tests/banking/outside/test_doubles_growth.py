"""Lines that share all that doubles are looked for by cost no more than other lines."""

import json
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db import transaction as db_transaction
from django.test.utils import CaptureQueriesContext

from banking.outside.duplicates import (
    delete_lookalikes,
    entries_like,
    lookalikes_of,
    mark_duplicates,
)
from banking.outside.models import OutsideAccount, OutsideEntry, OutsideImport
from ledger.db.ids import uuid7
from ledger.db.local_settings import locally
from tests.banking.outside.files import outside_account

pytestmark = pytest.mark.django_db
FILES, LINES, DAY = 60, 10, date(2026, 1, 5)
MOST_PASSES = 60  # over all lines and entries, by all steps of a statement together


def made_import(
    account: OutsideAccount, count: int, *, day: date, id: str, **facts: Any
) -> OutsideImport:
    source = OutsideImport.objects.create(
        account=account, name="a", format="ofx1", digest="0" * 64, state="preview",
        line_count=count, first_on=day, last_on=day,
    )  # fmt: skip
    OutsideEntry.objects.bulk_create(
        OutsideEntry(
            id=uuid7(), account=account, source=source, number=number, position=number,
            booked_on=day, amount=1, outside_id=id, fingerprint=UUID(int=number),
            description=f"text {number}", **facts,
        )
        for number in range(1, count + 1)
    )  # fmt: skip
    return source


def rows_of(sql: str) -> int:
    """The rows that all steps of the statement have read, compared or made."""
    with locally(enable_nestloop="off"), connection.cursor() as cursor:  # as the steps themselves
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    plans = [(found if isinstance(found, list) else json.loads(found))[0]["Plan"]]
    total = 0.0
    while plans:
        plan = plans.pop()
        removed = plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
        total += (plan["Actual Rows"] + removed) * plan["Actual Loops"]
        plans += plan.get("Plans", [])
    return int(total)


def count_lookalikes(source: OutsideImport) -> int:
    return lookalikes_of(source, []).count


@pytest.mark.parametrize("step", [mark_duplicates, count_lookalikes, delete_lookalikes])
def test_doubles_are_found_in_linear_time(step: Any) -> None:
    """Also among lines and entries of one id and amount, in one file and in many."""
    account = outside_account()
    made_import(account, FILES * LINES, day=DAY, id="X", is_entered=True)
    for place in range(FILES):
        made_import(account, 1, day=DAY + timedelta(place % 5), id="Y", is_entered=True)
    later = DAY + timedelta(6)
    for id in "XY":
        source = made_import(account, FILES * LINES, day=later, id=id)
        with CaptureQueriesContext(connection) as queries, db_transaction.atomic():
            step(source)
            db_transaction.set_rollback(True)
        sql = next(it["sql"] for it in queries if "WITH" in it["sql"])
        count = OutsideEntry.objects.count()
        assert rows_of(sql) < MOST_PASSES * count, (id, count)
        OutsideEntry.objects.of(source).delete()


def test_a_line_shows_some_of_many_entries_that_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = outside_account()
    made_import(account, 9, day=DAY, id="X", is_entered=True)
    source = made_import(account, 2, day=DAY, id="X")
    many = entries_like(account, source.entries.all())
    assert [text.count(" and ") + 1 for text in many] == [3, 3]
    monkeypatch.setattr("banking.outside.duplicates.MAX_SEARCHED", 2)
    few = entries_like(account, source.entries.all())
    assert [text.count(" and ") + 1 for text in few] == [2, 2]
