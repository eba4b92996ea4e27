"""Reads dates and times that Postgres can store but Python cannot: infinity, BC, and years after
9999.

Such a value becomes FIRST or LAST. Ledger never writes these values, but the owner of the tables
can. Pages must still show the other rows, and the audit must report the wrong row.
"""

from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db.backends.postgresql.psycopg_any import BaseTzLoader, get_adapters_template
from psycopg import DataError
from psycopg.adapt import AdaptersMap
from psycopg.types.datetime import DateLoader

# These days are one day inside Python's range, so that a time has a valid date in each time zone.
FIRST, LAST = date(1, 1, 2), date(9999, 12, 30)


class NearestDateLoader(DateLoader):
    """A loader for dates. Returns FIRST or LAST for a date that Python cannot represent."""

    def load(self, data: Any) -> date:
        try:
            return super().load(data)
        except DataError:
            return _nearest(bytes(data))


class NearestTimeLoader(BaseTzLoader):  # type: ignore[misc]
    """A loader for times. Returns midnight of FIRST or LAST for a time outside this range."""

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
    """Returns Django's adapters with the two loaders of this module."""
    adapters = AdaptersMap(get_adapters_template(settings.USE_TZ, timezone))
    loader = type("SpecificTimeLoader", (NearestTimeLoader,), {"timezone": timezone})
    adapters.register_loader("timestamptz", loader)
    adapters.register_loader("date", NearestDateLoader)
    return adapters
