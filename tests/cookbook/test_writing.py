"""Recipes that write many rows at once; nothing of it is there afterwards."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db.models.signals import post_save

from cookbook.models import ExchangeRate
from tests.cookbook.conftest import Cook

FIRST, SECOND = date(2026, 6, 1), date(2026, 6, 2)


@pytest.fixture(autouse=True)
def _no_rate_remains(rows: Any) -> Any:
    yield
    assert rows("SELECT count(*) FROM exchange_rates") == [(0,)]


def test_rates_of_a_week(cook: Cook) -> None:
    ran = cook("rates-of-a-week", days=5)
    assert ran.value == {"rows": 10, "with an id": 5}
    one_by_one, at_once, _ = ran.sections
    assert len(one_by_one.queries) == 5
    [query] = at_once.queries
    assert "UNNEST" in query.sql
    assert query.sql.endswith('RETURNING "exchange_rates"."id"')


def test_add_missing_rates(cook: Cook) -> None:
    ran = cook("add-missing-rates")
    assert list(ran.value) == [
        {"currency": "EUR", "day": FIRST, "rate": Decimal("1.08")},
        {"currency": "EUR", "day": SECOND, "rate": Decimal("1.12")},
    ]
    assert ran.work.queries[1].sql.endswith("ON CONFLICT DO NOTHING")


def test_upsert_rates(cook: Cook) -> None:
    ran = cook("upsert-rates")
    assert list(ran.value) == [
        {"currency": "EUR", "day": FIRST, "rate": Decimal("1.11")},
        {"currency": "EUR", "day": SECOND, "rate": Decimal("1.12")},
    ]
    said = 'ON CONFLICT("currency", "day") DO UPDATE SET "rate" = EXCLUDED."rate" RETURNING'
    assert said in ran.work.queries[1].sql


def test_copy_rates(cook: Cook) -> None:
    ran = cook("copy-rates", days=1000)
    assert ran.value == {"rows": 1000, "the last": date(2026, 6, 30)}
    assert [query.sql.split()[0] for query in ran.work.queries] == ["COPY", "SELECT", "SELECT"]
    assert ran.work.queries[0].seconds > 0
    assert cook("copy-rates", days=1).value == {"rows": 1, "the last": date(2023, 10, 5)}


def test_only_save_sends_a_signal(cook: Cook) -> None:
    assert cook("rates-by-signals").value == {"save()": 1, "bulk_create()": 0, "update()": 0}
    assert not post_save.has_listeners(ExchangeRate)
