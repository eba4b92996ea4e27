"""Days and months by the bank's calendar."""

import calendar
from datetime import date, datetime, time, timedelta

from django.utils import timezone


def start_of(day: date) -> datetime:
    """Midnight at which a day begins, in the bank's time zone."""
    return timezone.make_aware(datetime.combine(day, time.min))


def end_of(day: date) -> datetime:
    """Midnight at which a day is over: the first moment that is not of it."""
    return start_of(day + timedelta(days=1))


def months_before(day: date, months: int) -> date:
    """The same day of the month so many months ago (ahead, if negative), or that month's last."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(day.day, last_of_month(first).day))


def last_of_month(day: date) -> date:
    """The last day of a day's month."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])
