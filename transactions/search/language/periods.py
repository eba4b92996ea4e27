"""Reads periods in words: `yesterday`, `last month`, `october`, `oct 2025`, `10/2026`."""

import re
from datetime import date, timedelta

from ledger.text.dates import months_before

Period = tuple[date, date]  # the first day, and the first day after the period
MONTHS = (
    "january february march april may june july august september october november december".split()
)
FIRST_YEAR, LAST_YEAR = 1900, 2999
SHORTEST = 3  # letters of a month, as in "oct 2025"
_NUMBERS = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})(?:-(?P<day>[0-9]{1,2}))?"
    r"|(?P<month_first>[0-9]{1,2})/(?P<year_last>[0-9]{4})",
    re.ASCII,
)
_NAMED = re.compile(r"(?P<month>[a-z]+)\.?(?: (?P<year>[0-9]{4}))?", re.ASCII)
_RELATIVE = re.compile(r"(?P<which>this|last) (?P<unit>week|month|year)")


def period_of(text: str, today: date, *, is_short: bool = False) -> Period | None:
    """Returns the period that the text names, or None. A week begins on Monday. A month without a
    year is the last such month that has begun.

    A short month, such as `oct`, needs a year unless `is_short`, because `oct` may be the beginning
    of another word.
    """
    words = text.lower()
    if words in ("today", "yesterday"):
        day = today - timedelta(days=words == "yesterday")
        return day, day + timedelta(days=1)
    if match := _RELATIVE.fullmatch(words):
        return _relative(match["unit"], today, is_last=match["which"] == "last")
    if match := _NUMBERS.fullmatch(words):
        year, month = match["year"] or match["year_last"], match["month"] or match["month_first"]
        return _in_numbers(int(year), int(month), int(match["day"] or 0))
    if match := _NAMED.fullmatch(words):
        return _named(match["month"], match["year"], today, is_short=is_short)
    return None


def _relative(unit: str, today: date, *, is_last: bool) -> Period:
    if unit == "week":
        first = today - timedelta(days=today.weekday() + 7 * is_last)
        return first, first + timedelta(days=7)
    if unit == "month":
        first = months_before(today.replace(day=1), int(is_last))
        return first, months_before(first, -1)
    year = today.year - is_last
    return date(year, 1, 1), date(year + 1, 1, 1)


def _in_numbers(year: int, month: int, day: int) -> Period | None:
    try:
        first = date(year, month, day or 1)
    except ValueError:
        return None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    return first, first + timedelta(days=1) if day else months_before(first, -1)


def _named(name: str, year: str | None, today: date, *, is_short: bool) -> Period | None:
    is_enough = name in MONTHS or (len(name) >= SHORTEST and (year or is_short))
    months = [place for place, month in enumerate(MONTHS, 1) if month.startswith(name)]
    if len(months) != 1 or not is_enough:
        return None
    latest = today.year - (months[0] > today.month)
    return _in_numbers(int(year) if year else latest, months[0], 0)
