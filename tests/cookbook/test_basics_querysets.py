"""Recipes of alias() and dates(), and of the asynchronous ORM."""

from datetime import date
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection

from cookbook.models import Voucher
from tests.cookbook.conftest import Cook


def test_an_alias_is_in_the_condition_and_not_in_the_columns(cook: Cook) -> None:
    ran = cook("people-by-alias", least=2)
    by_alias, by_annotate = (query.sql for query in ran.work.queries)
    assert [sql.partition(" FROM ")[0].count("COUNT(") for sql in (by_alias, by_annotate)] == [0, 1]
    assert [sql.count("HAVING COUNT(") for sql in (by_alias, by_annotate)] == [1, 1]
    names = [person.name for person in ran.value["alias"]]
    assert names == [person.name for person in ran.value["annotate"]]
    assert len(names) == 3


@pytest.mark.parametrize("kind", ["year", "month", "week", "day"])
def test_dates_are_the_periods_with_rows(cook: Cook, rows: Any, kind: str) -> None:
    ran = cook("periods-by-dates", kind=kind)
    assert ran.value["dates"] == [
        period
        for (period,) in rows(
            f"SELECT DISTINCT date_trunc('{kind}', sold_on)::date FROM vouchers"
            " ORDER BY 1 DESC LIMIT 4"
        )
    ]
    assert {moment.date() for moment in ran.value["datetimes"]} == {date(2026, 6, 15)}


def test_a_coroutine_uses_the_connection_of_its_page(cook: Cook, rows: Any) -> None:
    ran = cook("voucher-by-async-orm")
    ((worth, spent),) = rows("SELECT worth, spent FROM vouchers WHERE code = 'GIFT-00040'")
    assert spent == 0  # rolled back, with the rest of the page
    assert ran.value["sync_to_async"] == worth
    assert ran.value["acount"] == 250
    assert len(ran.value["async for"]) == 3
    assert "asynchronous context manager" in ran.value["async with atomic()"]
    assert len(ran.work.queries) == 7


@pytest.mark.django_db
def test_a_plain_query_in_a_coroutine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)

    async def counts() -> int:
        return Voucher.objects.count()

    connection.ensure_connection()
    with pytest.raises(SynchronousOnlyOperation):
        async_to_sync(counts)()
