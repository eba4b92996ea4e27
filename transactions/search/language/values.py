"""Parses the values of fields: numbers and days. A value may be single, a range or a limit.

    100   >100   <=50   100..200        2026   2026-03   2026-03-14   october   2026-01..2026-03

Sends no queries. Raises InvalidValue if a value cannot be parsed.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.text.amounts import FIGURE, parse_figure
from ledger.text.dates import start_of_day
from transactions.search.language.periods import FIRST_YEAR, LAST_YEAR, Period, period_of

SIGNS = ("-", "+", "\u2212")
TYPED_AMOUNT = re.compile(f"(?P<sign>[-+\u2212]?){FIGURE}")
# Numbers with a comma before the decimals.
_COMMA = re.compile(
    r"(?P<whole>[1-9][0-9]{0,2}(?:([.'\u2019 \u00a0\u202f])[0-9]{3})(?:\2[0-9]{3})*|[0-9]{1,15})"
    r",(?P<cents>[0-9]{1,3})",
    re.ASCII,
)
_COMPARISON = re.compile(r"(?P<operator>>=|<=|>|<|=)?(?P<rest>.*)", re.DOTALL)
_YEAR = re.compile(r"[0-9]{4}", re.ASCII)
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", re.ASCII)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
LOOKUPS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}

# Conditions on one column. Each condition is a pair of a lookup and a value, such as ("gte", 100).
# All conditions must be true.
Bounds = tuple[tuple[str, Any], ...]


class InvalidValue(ValueError):
    """An error for a value that cannot be parsed. It contains a message, and values or terms to try
    instead.
    """

    def __init__(self, sentence: str, *suggestions: str) -> None:
        super().__init__(sentence)
        self.suggestions = suggestions


class IncompleteValue(InvalidValue):
    """An error for a value that the person has not finished typing."""


def is_number(typed: str) -> bool:
    """Returns whether a metadata value is parsed as a number. The search compares such a value as a
    number and as a whole text, but not as a word.
    """
    return bool(TYPED_AMOUNT.fullmatch(typed))


def is_range(typed: str) -> bool:
    """Returns whether a metadata value is a range (1..2), a limit (>1), or a number after an equal
    sign.
    """
    return (
        typed.startswith((">", "<")) or ".." in typed or (typed[:1] == "=" and is_number(typed[1:]))
    )


def read_numbers(typed: str) -> Bounds:
    """Parses `100`, `>100`, `<=50` or `100..200` and returns the bounds.

    Raises: InvalidValue.
    """
    _refuse_signs(typed)
    _refuse_commas(typed)
    return _bounds(typed, _number, "100, >100, <=50 or 100..200")


def read_any_number(typed: str) -> Bounds:
    """Parses a number, limit or range of metadata values and returns the bounds. The numbers may be
    negative.

    Raises: InvalidValue.
    """

    def number(text: str) -> Decimal:
        sign = text[:1] if text.startswith(SIGNS) else ""
        absolute = parse_figure(text.removeprefix(sign))
        if absolute is None:
            raise InvalidValue(f"“{text}” is not a number. Write >1.1, <=20 or 1..2.")
        return -absolute if sign in ("-", "\u2212") else absolute

    return _bounds(typed, number, ">1.1, <=20 or 1..2")


def _number(typed: str) -> Decimal:
    number = parse_figure(typed)
    if number is not None:
        return number
    raise InvalidValue(f"“{typed}” is not an amount. Write 100, >100, <=50 or 100..200.")


def _refuse_signs(typed: str) -> None:
    """Raises InvalidValue if an amount has a sign. For example, the error for `amount:<-100`
    suggests `amount:>100 is:out`.
    """
    operator, *ends = _split(typed)
    signs = {_sign(end) for end in ends if end}
    if not signs & {"-", "+"}:
        return
    unsigned = [end.lstrip("+-\u2212") for end in ends]
    # A range from a negative to a positive number would need two queries.
    fields, suggestions = "is:in or is:out", []
    if signs == {"+"}:
        fields, suggestions = "is:in", [f"amount:{operator}{'..'.join(unsigned)} is:in"]
    elif signs == {"-"}:
        flipped = operator.translate(str.maketrans("<>", "><"))
        fields = "is:out"
        suggestions = [f"amount:{flipped}{'..'.join(reversed(unsigned))} is:out"]
    raise InvalidValue(
        f"Amounts have no sign here. Write {fields} for the direction.", *suggestions
    )


def _refuse_commas(typed: str) -> None:
    """Raises InvalidValue for amounts such as 12,50 and 1.234,50. The error suggests the amount
    with a decimal point.
    """
    operator, *ends = _split(typed)
    pointed = [with_point(end) for end in ends]
    refused = next((end for end, other in zip(ends, pointed, strict=True) if other != end), "")
    if refused:
        sentence = f"“{refused}” is not an amount. Write decimals after a point."
        raise InvalidValue(sentence, f"{operator}{'..'.join(pointed)}")


def with_point(typed: str) -> str:
    """Returns 12.50 for 12,50, and 1234.50 for 1.234,50. Returns any other text unchanged."""
    match = _COMMA.fullmatch(typed)
    if match is None or parse_figure(typed) is not None:
        return typed
    return f"{re.sub('[^0-9]', '', match['whole'])}.{match['cents']}"


def _sign(typed: str) -> str:
    """Returns the sign of an amount: "-", "+", or "" if the amount has no sign."""
    match = TYPED_AMOUNT.fullmatch(typed)
    return match["sign"].replace("\u2212", "-") if match else ""


def _split(typed: str) -> list[str]:
    """Splits a value into an operator and one or two numbers or days. Returns ["", "5", "9"] for
    `5..9`, and [">", "5"] for `>5`.
    """
    if ".." in typed:
        return ["", *typed.split("..", 1)]
    match = _COMPARISON.fullmatch(typed)
    return [match["operator"] or "", match["rest"]] if match else ["", typed]


def _bounds(typed: str, read: Callable[[str], Decimal], examples: str) -> Bounds:
    operator, *ends = _split(typed)
    if not any(ends):
        raise IncompleteValue(f"Write it like {examples}.")
    if len(ends) == 1:
        return ((LOOKUPS.get(operator, "exact"), read(ends[0])),)
    low, high = ends
    pairs = [(name, read(end)) for name, end in (("gte", low), ("lte", high)) if end]
    if len(pairs) == 2 and pairs[0][1] > pairs[1][1]:
        raise _reversed_range(typed)
    return tuple(pairs)


def _reversed_range(typed: str) -> InvalidValue:
    low, high = typed.split("..", 1)
    return InvalidValue(f"“{typed}” ends before it begins.", f"{high}..{low}")


def read_days(typed: str) -> Bounds:
    """Parses `2026`, `2026-03`, `2026-03-14`, words such as `today` and `last month`, a range of
    such values, or a limit such as `>2026`. Returns bounds on a time.

    Raises: InvalidValue.
    """
    _refuse_year_last(typed)
    operator, *ends = _split(typed)
    if len(ends) == 2:
        low, high = ends
        if not (low or high):
            raise IncompleteValue("Write days like 2026-03, or 2026-01..2026-03.")
        start = _days(low)[0] if low else None
        end = _days(high)[1] if high else None
        if start and end and start >= end:
            raise _reversed_range(typed)
        return moments(start, end)
    (day,) = ends
    if not day or (day.endswith("-") and _DAY.fullmatch(day.rstrip("-"))):
        raise IncompleteValue("Write days like 2026, 2026-03 or 2026-03-14.")
    first, after = _days(day)
    start = {"": first, "=": first, ">=": first, ">": after}.get(operator)
    end = {"": after, "=": after, "<=": after, "<": first}.get(operator)
    return moments(start, end)


def _days(typed: str) -> Period:
    """Returns the first day of the typed day, month or year, and the first day after this
    period.
    """
    if (match := _DAY.fullmatch(typed)) and not FIRST_YEAR <= int(match[1]) <= LAST_YEAR:
        raise InvalidValue(f"Type a year between {FIRST_YEAR} and {LAST_YEAR}.")
    if _YEAR.fullmatch(typed):
        return date(int(typed), 1, 1), date(int(typed) + 1, 1, 1)
    words = typed if match else typed.replace("-", " ")
    period = period_of(words, timezone.localdate(), is_short=True)
    if period is None:
        raise _not_a_day(typed)
    return period


def _not_a_day(typed: str) -> InvalidValue:
    return InvalidValue(f"“{typed}” is not a day. Write 2026, 2026-03 or 2026-03-14.")


def _refuse_year_last(typed: str) -> None:
    """Raises InvalidValue for a date that ends with the year. The error for 14.03.2026 suggests
    2026-03-14. The error for 3/4/2026 suggests two dates.
    """
    operator, *ends = _split(typed)
    readings = [_readings(end) for end in ends]
    refused = next((end for end, days in zip(ends, readings, strict=True) if days), "")
    if not refused:
        return
    suggestions = [
        "..".join(
            str(days[min(choice, len(days) - 1)]) if days else end
            for end, days in zip(ends, readings, strict=True)
        )
        for choice in range(max(map(len, readings)))
    ]
    problem = "could be two days" if len(suggestions) > 1 else "is not a day"
    raise InvalidValue(
        f"“{refused}” {problem}. Write the year, the month, then the day, like 2026-03-14.",
        *(f"{operator}{days}" for days in suggestions),
    )


def _readings(typed: str) -> list[date]:
    """Returns the days that a text such as 3/4/2026 may mean, or an empty list for any other text.
    In dates with points, such as 3.4.2026, the day always comes first.
    """
    match = _YEAR_LAST.fullmatch(typed)
    if not match:
        return []
    first, separator, second, year = match.groups()
    orders = [(second, first)] if separator == "." else [(second, first), (first, second)]
    days = []
    for month, day in orders:
        with suppress(ValueError):
            days.append(date(int(year), int(month), int(day)))
    return sorted(set(days), key=days.index)


def moments(start: date | None, end: date | None) -> Bounds:
    """Returns bounds on a time: at or after midnight of `start`, and before midnight of `end`, in
    the bank's time zone. None means that there is no such bound.
    """
    pairs = (("gte", start), ("lt", end))
    return tuple((name, start_of_day(day)) for name, day in pairs if day)
