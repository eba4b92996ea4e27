"""Checks that Postgres and Python have the same rules for the bank's time zone. Postgres and Python
each have a copy of the IANA database. Reports use Postgres's days, and pages use Python's days.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from django.conf import settings

EVERY = """
    SELECT moment, moment AT TIME ZONE %s
    FROM generate_series(now(), now() + interval '1 year', interval '1 hour') AS moment
"""


def problem_with_zone(found: psycopg.Connection[Any]) -> str | None:
    """Returns a message about the first hour within the next year for which Postgres and Python
    have different local times. Also returns a message if Postgres does not know the time zone.
    Returns None if there is no problem.
    """
    name = settings.TIME_ZONE
    try:
        rows = found.execute(EVERY, [name]).fetchall()
    except psycopg.DataError:
        return f"Postgres does not know the time zone {name}; install its time zone data again."
    zone = ZoneInfo(name)
    differing = ((moment, there) for moment, there in rows if _here(moment, zone) != there)
    moment, there = next(differing, (None, None))
    if moment is None:
        return None
    return (
        f"On {moment.astimezone(UTC):%Y-%m-%d at %H:%M} UTC it is {_here(moment, zone):%H:%M} in"
        f" {name} for Python and {there:%H:%M} for Postgres, so pages and reports differ about the"
        " day of a payment. Install the same version of tzdata for both."
    )


def _here(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)
