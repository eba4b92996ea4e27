"""Dates and times that Postgres holds and Python does not: infinity, BC, and years after 9999.

They read as the first or the last day here. The books have none, but the owner of the tables can
write one, and then pages must show the other rows, and the audit must name this one.
"""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.backends.postgresql.psycopg_any import BaseTzLoader, get_adapters_template
from psycopg import DataError
from psycopg.adapt import AdaptersMap
from psycopg.types.datetime import DateLoader

# Inside what Python holds, so that a time is a day in each time zone.
FIRST, LAST = date(1, 1, 2), date(9999, 12, 30)


class NearestDateLoader(DateLoader):
    """Loads a date, or FIRST or LAST for one that Python does not hold."""

    def load(self, data: Any) -> date:
        try:
            return super().load(data)
        except DataError:
            return _nearest(bytes(data))


class NearestTimeLoader(BaseTzLoader):  # type: ignore[misc]
    """Loads a time, or midnight of FIRST or LAST for one before or after them."""

    def load(self, data: Any) -> datetime:
        try:
            found: datetime = super().load(data)
        except (DataError, OverflowError):
            day = _nearest(bytes(data))
        else:
            day = min(max(found.date(), FIRST), LAST)
            if day == found.date():
                return found
        return datetime(day.year, day.month, day.day, tzinfo=self.timezone)


def _nearest(text: bytes) -> date:
    return FIRST if text == b"-infinity" or text.endswith(b"BC") else LAST


@lru_cache
def adapters_for(timezone: Any) -> AdaptersMap:
    """Django's adapters of values, with these two loaders."""
    adapters = AdaptersMap(get_adapters_template(settings.USE_TZ, timezone))
    loader = type("SpecificTimeLoader", (NearestTimeLoader,), {"timezone": timezone})
    adapters.register_loader("timestamptz", loader)
    adapters.register_loader("date", NearestDateLoader)
    return adapters
