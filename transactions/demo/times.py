"""Days and times of day in the bank's time zone."""

import calendar
import random
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

DAY = timedelta(days=1)
NIGHT_RUN = ("00:00", "00:03")  # the time at which the bank books rent, direct debits and interest


def at(rng: random.Random, day: date, start: str, end: str) -> datetime:
    """Returns a random time on the day, between two times of day such as "07:20", in UTC."""
    first, last = _seconds(start), _seconds(end)
    second = rng.randrange(first + 1, last)
    wall = time(second // 3600, second // 60 % 60, second % 60, rng.randrange(10**6))
    local = datetime.combine(day, wall, timezone.get_current_timezone())
    return local.astimezone(UTC)


def _seconds(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60


def is_pay_day(day: date, nominal: int, weekend: Collection[int]) -> bool:
    """Returns whether `day` is the pay day of its month. The pay day is the day with the number
    `nominal`, or the last working day before that day.
    """
    due = day.replace(day=nominal)
    while due.weekday() in weekend:
        due -= DAY
    return due == day


def name_of_month(day: date) -> str:
    return calendar.month_name[day.month]
