"""When mails of alerts may leave: quiet hours and the daily mail, in the bank's time zone."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.utils import timezone

from banking.alerts.models import AlertTimes


def times_of(owner: UUID) -> AlertTimes:
    """The person's times; those of everybody if they have chosen none."""
    return AlertTimes.objects.filter(owner=owner).first() or AlertTimes(owner_id=owner)


def is_quiet(times: AlertTimes, now: datetime) -> bool:
    """Whether it is within the quiet hours, which may go over midnight."""
    begin, end = times.quiet_from, times.quiet_until
    if begin is None or end is None:
        return False
    here = timezone.localtime(now).time()
    return begin <= here < end if begin < end else here >= begin or here < end


def last_daily(times: AlertTimes, now: datetime) -> datetime:
    """The latest moment of the daily mail that is not to come. On a day on which the clock leaves
    that time out, it is an hour later; on one that has it twice, the first counts.
    """
    day = timezone.localdate(now)
    moment = _at(day, times.daily_at)
    return moment if moment <= now else _at(day - timedelta(days=1), times.daily_at)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, timezone.get_default_timezone())
