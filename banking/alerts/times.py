"""When mails of alerts may be sent: quiet hours and the daily mail, in the bank's time zone."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.utils import timezone

from banking.alerts.models import AlertTimes


def times_of(owner: UUID) -> AlertTimes:
    """Returns the person's times, or the default times if the person has not chosen any."""
    return AlertTimes.objects.filter(owner=owner).first() or AlertTimes(owner_id=owner)


def is_quiet(times: AlertTimes, now: datetime) -> bool:
    """Returns whether `now` is within the quiet hours, which may span midnight."""
    begin, end = times.quiet_from, times.quiet_until
    if begin is None or end is None:
        return False
    here = timezone.localtime(now).time()
    return begin <= here < end if begin < end else here >= begin or here < end


def last_daily(times: AlertTimes, now: datetime) -> datetime:
    """Returns the time of the latest daily mail before `now`. If the clock skips that time on a
    day, the mail is an hour later. If the clock repeats that time, the first one counts.
    """
    day = timezone.localdate(now)
    moment = _at(day, times.daily_at)
    return moment if moment <= now else _at(day - timedelta(days=1), times.daily_at)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, timezone.get_default_timezone())
