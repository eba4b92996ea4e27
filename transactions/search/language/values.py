"""Numbers and days as the query language reads them: one value, a range, or a bound.

Nothing here asks the database. A value that cannot be read raises NotUnderstood.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from ledger.text.dates import months_before, start_of_day

FIRST_YEAR, LAST_YEAR = 1900, 2999

# Digits with a point, perhaps commas between thousands.
_FIGURE = r"[0-9]{1,3}(?:,[0-9]{3}){1,4}(?:\.[0-9]{1,4})?|[0-9]{1,15}(?:\.[0-9]{1,4})?"
TYPED_AMOUNT = re.compile(f"(?P<sign>[-+\u2212]?)(?P<figure>{_FIGURE})")
_COMPARED = re.compile(r"(?P<sign>>=|<=|>|<|=)?(?P<rest>.*)", re.DOTALL)
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", re.ASCII)
_OTHER_DAY = re.compile(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
SIGNS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}

# What is asked of one column: pairs of a lookup and a value, all of which hold.
Bounds = tuple[tuple[str, Any], ...]


class NotUnderstood(ValueError):
    """A value that is none of its kind: the sentence, and perhaps what was meant instead."""

    def __init__(self, sentence: str, *meant: str) -> None:
        super().__init__(sentence)
        self.meant = meant


class Unfinished(NotUnderstood):
    """A value that somebody is still typing."""


def figure(typed: str) -> Decimal | None:
    """1,234.50 as a Decimal, None for what is no amount without a sign."""
    found = TYPED_AMOUNT.fullmatch(typed)
    return Decimal(found["figure"].replace(",", "")) if found and not found["sign"] else None


def reads_as_figure(typed: str) -> bool:
    """Whether a value of the metadata is read as a number, and so never as a word."""
    return bool(TYPED_AMOUNT.fullmatch(typed))


def read_numbers(typed: str) -> Bounds:
    """`100`, `>100`, `<=50` or `100..200`."""
    _refuse_signs(typed)
    return _bounds(typed, _number, "100, >100, <=50 or 100..200")


def _number(typed: str) -> Decimal:
    found = figure(typed)
    if found is not None:
        return found
    raise NotUnderstood(f"“{typed}” is no amount; write 100, >100, <=50 or 100..200.")


def _refuse_signs(typed: str) -> None:
    """Says `amount:<-100` as it is said here: out, and more than 100."""
    compared, *ends = _ends(typed)
    signs = {_sign(end) for end in ends if end}
    if not signs & {"-", "+"}:
        return
    plain = [end.lstrip("+-\u2212") for end in ends]
    said, meant = "is:in and is:out say", []  # from out to in would be two questions
    if signs == {"+"}:
        said, meant = "is:in says", [f"amount:{compared}{'..'.join(plain)} is:in"]
    elif signs == {"-"}:
        flipped = compared.translate(str.maketrans("<>", "><"))
        said, meant = "is:out says", [f"amount:{flipped}{'..'.join(reversed(plain))} is:out"]
    raise NotUnderstood(f"Amounts are above zero here; {said} the direction.", *meant)


def _sign(typed: str) -> str:
    """The sign of an amount: "-", "+" or ""."""
    found = TYPED_AMOUNT.fullmatch(typed)
    return found["sign"].replace("\u2212", "-") if found else ""


def _ends(typed: str) -> list[str]:
    """How a value compares, and what with: ["", "5", "9"] of `5..9`, [">", "5"] of `>5`."""
    if ".." in typed:
        return ["", *typed.split("..", 1)]
    found = _COMPARED.fullmatch(typed)
    return [found["sign"] or "", found["rest"]] if found else ["", typed]


def read_any_number(typed: str) -> Bounds:
    """The same for a number in the metadata, which may be below zero."""

    def number(text: str) -> Decimal:
        found = TYPED_AMOUNT.fullmatch(text)
        if not found:
            raise NotUnderstood(f"“{text}” is no number; write >1.1, <=20 or 1..2.")
        plain = Decimal(found["figure"].replace(",", ""))
        return -plain if found["sign"] in ("-", "\u2212") else plain

    return _bounds(typed, number, ">1.1, <=20 or 1..2")


def is_range(typed: str) -> bool:
    """Whether a value compares instead of being one."""
    return typed.startswith((">", "<")) or ".." in typed


def _bounds(typed: str, read: Callable[[str], Decimal], examples: str) -> Bounds:
    if ".." in typed:
        low, high = typed.split("..", 1)
        if not (low or high):
            raise Unfinished(f"Write it like {examples}.")
        pairs = [(name, read(end)) for name, end in (("gte", low), ("lte", high)) if end]
        if len(pairs) == 2 and pairs[0][1] > pairs[1][1]:
            raise NotUnderstood(f"“{typed}” ends before it begins.", f"{high}..{low}")
        return tuple(pairs)
    found = _COMPARED.fullmatch(typed)
    sign, rest = (found["sign"] or "", found["rest"]) if found else ("", typed)
    if not rest:
        raise Unfinished(f"Write it like {examples}.")
    return ((SIGNS.get(sign, "exact"), read(rest)),)


def read_days(typed: str) -> Bounds:
    """`2026`, `2026-03`, `2026-03-14`, `today`; a range of them, or one after `>` or `<`."""
    _refuse_other_days(typed)
    if ".." in typed:
        low, high = typed.split("..", 1)
        if not (low or high):
            raise Unfinished("Write days like 2026-03, or 2026-01..2026-03.")
        start = _days(low)[0] if low else None
        end = _days(high)[1] if high else None
        if start and end and start >= end:
            raise NotUnderstood(f"“{typed}” ends before it begins.", f"{high}..{low}")
        return _moments(start, end)
    found = _COMPARED.fullmatch(typed)
    sign, rest = (found["sign"] or "", found["rest"]) if found else ("", typed)
    if not rest or (rest.endswith("-") and _DAY.fullmatch(rest.rstrip("-"))):
        raise Unfinished("Write days like 2026, 2026-03 or 2026-03-14.")
    first, after = _days(rest)
    start = {"": first, "=": first, ">=": first, ">": after}.get(sign)
    end = {"": after, "=": after, "<=": after, "<": first}.get(sign)
    return _moments(start, end)


def _days(typed: str) -> tuple[date, date]:
    """The first day of what is said, and the first one after it."""
    near = {"today": 0, "yesterday": 1}.get(typed.lower())
    if near is not None:
        day = timezone.localdate() - timedelta(days=near)
        return day, day + timedelta(days=1)
    found = _DAY.fullmatch(typed)
    if not found:
        raise _no_day(typed)
    year, month, day_ = (int(part) if part else None for part in found.groups())
    try:
        first = date(year or 0, month or 1, day_ or 1)
    except ValueError:
        raise _no_day(typed) from None
    if not FIRST_YEAR <= first.year <= LAST_YEAR:
        raise NotUnderstood(f"Type a year between {FIRST_YEAR} and {LAST_YEAR}.")
    if day_:
        return first, first + timedelta(days=1)
    if month:
        return first, months_before(first, -1)
    return first, date(first.year + 1, 1, 1)


def _no_day(typed: str) -> NotUnderstood:
    return NotUnderstood(f"“{typed}” is no day; write 2026, 2026-03 or 2026-03-14.")


def _refuse_other_days(typed: str) -> None:
    """Says a day like 14.03.2026 or 3/14/2026 with the year first; twice where it may be two."""
    compared, *ends = _ends(typed)
    readings = [_readings(end) for end in ends]
    other = next((end for end, days in zip(ends, readings, strict=True) if days), "")
    if not other:
        return
    meant = [
        "..".join(
            str(days[min(way, len(days) - 1)]) if days else end
            for end, days in zip(ends, readings, strict=True)
        )
        for way in range(max(map(len, readings)))
    ]
    said = f"“{other}” is no day here"
    if len(meant) > 1:
        said = f"“{other}” may be two days"
    raise NotUnderstood(
        f"{said}; write the year, the month, then the day, like 2026-03-14.",
        *(f"{compared}{days}" for days in meant),
    )


def _readings(typed: str) -> list[date]:
    """What a day with the year last may be: the day first or, not with points, the month."""
    found = _OTHER_DAY.fullmatch(typed)
    if not found:
        return []
    first, point, second, year = found.groups()
    orders = [(second, first)] if point == "." else [(second, first), (first, second)]
    days = []
    for month, day in orders:
        with suppress(ValueError):
            days.append(date(int(year), int(month), int(day)))
    return sorted(set(days), key=days.index)


def _moments(start: date | None, end: date | None) -> Bounds:
    """Booking times from midnight to midnight in the bank's time zone."""
    pairs = (("gte", start), ("lt", end))
    return tuple((name, start_of_day(day)) for name, day in pairs if day)
