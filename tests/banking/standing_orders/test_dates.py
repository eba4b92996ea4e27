"""The days of an order, in Python and in SQL, against dateutil's rrule as the oracle."""

from datetime import date, datetime, time
from itertools import islice

import pytest
from dateutil.rrule import MONTHLY, WEEKLY, YEARLY, rrule
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from banking.standing_orders.models import DueOn, Every, due_on

DAYS = st.dates(date(1999, 1, 1), date(2104, 12, 31))


def by_rrule(first: date, every: str, many: int) -> list[date]:
    """The first days by RFC 5545: of the days up to the first day's number, the last there is."""
    numbers = tuple(range(28, first.day + 1)) or (first.day,)
    last = {"bymonthday": numbers, "bysetpos": -1}
    rules: dict[str, dict[str, object]] = {
        "week": {"freq": WEEKLY},
        "month": {"freq": MONTHLY, **last},
        "quarter": {"freq": MONTHLY, "interval": 3, **last},
        "year": {"freq": YEARLY, "bymonth": first.month, **last},
    }
    start = datetime.combine(first, time())
    return [moment.date() for moment in rrule(dtstart=start, count=many, **rules[every])]


@pytest.mark.parametrize("every", ["week", "month", "quarter", "year"])
@given(first=DAYS)
def test_the_days_are_those_of_rrule(every: str, first: date) -> None:
    assert [due_on(first, every, at) for at in range(30)] == by_rrule(first, every, 30)


@pytest.mark.django_db
@pytest.mark.parametrize("every", Every.values)
def test_postgres_generates_the_same_days(every: str) -> None:
    firsts = [date(2027, 1, 31), date(2028, 2, 29), date(2026, 12, 30), date(2027, 5, 15)]
    row = "(VALUES (%s::date, %s, %s)) AS it (first_on, every, position)"
    sql = f"SELECT {DueOn.template} FROM {row}"
    with connection.cursor() as cursor:
        for first in firsts:
            for position in (*range(14), 100):
                cursor.execute(sql, (first, every, position))
                assert cursor.fetchone() == (due_on(first, every, position),)


def test_the_31st_is_the_last_day_of_a_shorter_month_and_the_31st_again() -> None:
    days = (due_on(date(2027, 12, 31), "month", at) for at in range(100))
    assert list(islice(days, 5)) == [
        date(2027, 12, 31), date(2028, 1, 31), date(2028, 2, 29), date(2028, 3, 31),
        date(2028, 4, 30),
    ]  # fmt: skip


def test_a_day_past_the_calendar_is_refused() -> None:
    with pytest.raises(OverflowError):
        due_on(date(2027, 1, 31), "year", 9000)
