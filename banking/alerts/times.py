"""The times at which alert emails may be sent: the quiet hours and the daily email, in the bank's
time zone.
"""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.utils import timezone

from banking.alerts.models import AlertTimes


def times_of(owner: UUID) -> AlertTimes:
    """Returns the times that the person has chosen, or an unsaved row with the default times."""
    return AlertTimes.objects.filter(owner=owner).first() or AlertTimes(owner_id=owner)


def is_quiet(times: AlertTimes, now: datetime) -> bool:
    """Returns whether `now` is in the quiet hours. The quiet hours may include midnight."""
    begin, end = times.quiet_from, times.quiet_until
    if begin is None or end is None:
        return False
    here = timezone.localtime(now).time()
    return begin <= here < end if begin < end else here >= begin or here < end


def last_daily(times: AlertTimes, now: datetime) -> datetime:
    """Returns the latest time, at or before `now`, at which the daily email was due.

    On a day on which the clock skips the chosen time, the email is due an hour later. On a day on
    which the clock shows the chosen time twice, the email is due at the first of the two times.
    """
    day = timezone.localdate(now)
    moment = _at(day, times.daily_at)
    return moment if moment <= now else _at(day - timedelta(days=1), times.daily_at)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, timezone.get_default_timezone())
