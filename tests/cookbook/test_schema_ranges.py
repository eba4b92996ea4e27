"""Recipes of range fields."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import django
import pytest
from django.db import DataError

from cookbook.models import FeeBand
from cookbook.practice.role import as_cookbook_role
from tests.cookbook.conftest import Cook


def test_lookups_of_moments(cook: Cook, rows: Any) -> None:
    hour = 12
    since = datetime(2026, 6, 15, hour, tzinfo=UTC)
    until = since + timedelta(hours=1)
    visits = rows("SELECT lower(during), upper(during) FROM visits")
    assert cook("visits-by-date-time-range", hour=hour).value == {
        "contains": sum(starts <= since < ends for starts, ends in visits),
        "contained_by": sum(since <= starts and ends <= until for starts, ends in visits),
        "overlap": sum(starts < until and since < ends for starts, ends in visits),
        "startswith": sum(since <= starts < until for starts, ends in visits),
        "isempty": 0,
        "lower_inc": len(visits),
        "upper_inf": 0,
    }


@pytest.mark.parametrize(
    ("amount", "band"), [("0", "small"), ("99.99", "small"), ("100", "large"), ("1000", "large")]
)
def test_an_end_of_a_range_belongs_to_the_next(cook: Cook, amount: str, band: str) -> None:
    (found,) = cook("fee-by-numeric-range", amount=Decimal(amount)).value
    assert found["name"] == band
    assert found["months"] == {"small": "[1, 13)", "large": "[1, 7)"}[band]
    assert found["accounts"] == "[1000000000, 10000000000)"


@pytest.mark.skipif(django.VERSION >= (6, 1), reason="Django 6.1 needs no max_digits on Postgres")
@pytest.mark.usefixtures("practice_bank", "db")
def test_a_decimal_range_cannot_be_asked_for_a_number() -> None:
    """The pitfall of that recipe."""
    with as_cookbook_role(writes=False), pytest.raises(DataError):
        FeeBand.objects.filter(amounts__contains=Decimal(100)).exists()


def test_only_what_touches_is_adjacent(cook: Cook) -> None:
    assert cook("bands-by-adjacent-to").value == {
        "adjacent_to": ["small", "large"],
        "fully_lt": ["small"],
        "fully_gt": ["large", "huge"],
        "not_lt": ["medium", "large", "huge"],
        "not_gt": ["small", "medium"],
    }
