"""Dates and times that Python does not hold."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from ledger.db.backend.times import FIRST, LAST

pytestmark = pytest.mark.django_db


def loaded(expression: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression}")
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    "text", ["infinity", "20000-01-01", "294276-12-31 23:59:59+00", "9999-12-31 23:59:59-12"]
)
def test_a_late_time_is_the_last_day_in_each_time_zone(text: str) -> None:
    found = loaded(f"'{text}'::timestamptz")
    assert found == datetime(LAST.year, LAST.month, LAST.day, tzinfo=UTC)
    with timezone.override("Pacific/Kiritimati"):
        assert timezone.localtime(found).year == LAST.year


@pytest.mark.parametrize("text", ["-infinity", "0001-01-01 00:00+00", "4713-01-01 00:00+00 BC"])
def test_an_early_time_is_the_first_day_in_each_time_zone(text: str) -> None:
    found = loaded(f"'{text}'::timestamptz")
    assert found == datetime(FIRST.year, FIRST.month, FIRST.day, tzinfo=UTC)
    with timezone.override("Pacific/Pago_Pago"):
        assert timezone.localtime(found).year == FIRST.year


def test_a_date_is_the_nearest_that_python_holds() -> None:
    assert loaded("'infinity'::date") == loaded("'5874897-12-31'::date") == LAST
    assert loaded("'-infinity'::date") == loaded("'0044-03-15 BC'::date") == FIRST


def test_every_other_date_and_time_is_as_it_is() -> None:
    assert loaded("'0001-01-01'::date") == date.min
    assert loaded("'9999-12-31'::date") == date.max
    noon = datetime(2026, 3, 29, 12, 0, 0, 5, tzinfo=UTC)
    assert loaded("'2026-03-29 14:00:00.000005+02'::timestamptz") == noon
