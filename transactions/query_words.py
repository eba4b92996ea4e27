"""The words of the query language: its fields, what `is:` may say, amounts and days.

Nothing here asks the database. A value that cannot be read raises NotUnderstood.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from accounts.currencies import CURRENCIES
from transactions.days import months_before, start_of

IS_WORDS: Mapping[str, str] = {
    "booked": "money that has moved",
    "pending": "held and not taken yet",
    "captured": "holds that were taken",
    "released": "holds that were let go",
    "expired": "holds whose time is over",
    "hold": "everything that is or was a hold",
    "refund": "what gives something back",
    "refunded": "what was given back",
    "in": "came from outside",
    "out": "went outside",
    "own": "between own accounts",
    "transfer": "between two accounts",
    "deposit": "into the bank",
    "withdrawal": "out of the bank",
}
HAS_WORDS: Mapping[str, str] = {  # what has: may say besides keys of the metadata
    "note": "with a note of your own",
    "tag": "with a tag of your own",
}
TYPES = ("transfer", "deposit", "withdrawal")
FIRST_YEAR, LAST_YEAR = 1900, 2999

# Digits with a point, perhaps commas between thousands.
_FIGURE = r"[0-9]{1,3}(?:,[0-9]{3}){1,4}(?:\.[0-9]{1,4})?|[0-9]{1,15}(?:\.[0-9]{1,4})?"
TYPED_AMOUNT = re.compile(f"(?P<sign>[-+\u2212]?)(?P<figure>{_FIGURE})")
_COMPARED = re.compile(r"(?P<sign>>=|<=|>|<|=)?(?P<rest>.*)", re.DOTALL)
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{1,2})(?:-([0-9]{1,2}))?)?", re.ASCII)
_OTHER_DAY = re.compile(r"([0-9]{1,2})[./]([0-9]{1,2})[./]([0-9]{4})", re.ASCII)
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


def read_numbers(typed: str) -> Bounds:
    """`100`, `>100`, `<=50` or `100..200`."""
    return _bounds(typed, _number, "100, >100, <=50 or 100..200")


def _number(typed: str) -> Decimal:
    found = figure(typed)
    if found is not None:
        return found
    if typed.startswith(("-", "+", "\u2212")) and figure(typed[1:]) is not None:
        way = "in" if typed[0] == "+" else "out"
        raise NotUnderstood(
            f"Amounts are above zero here; is:{way} says the direction.",
            f"amount:{typed[1:]} is:{way}",
        )
    raise NotUnderstood(f"“{typed}” is no amount; write 100, >100, <=50 or 100..200.")


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
    other = _OTHER_DAY.fullmatch(typed)
    meant = [f"{other[3]}-{int(other[2]):02}-{int(other[1]):02}"] if other else []
    return NotUnderstood(f"“{typed}” is no day; write 2026, 2026-03 or 2026-03-14.", *meant)


def _moments(start: date | None, end: date | None) -> Bounds:
    """Booking times from midnight to midnight in the bank's time zone."""
    pairs = (("gte", start), ("lt", end))
    return tuple((name, start_of(day)) for name, day in pairs if day)


def read_currency(typed: str) -> str:
    """A code like USD, in whatever case."""
    code = typed.upper()
    if code in CURRENCIES:
        return code
    if len(typed) < 3:
        raise Unfinished("Write a currency by its three letters, like USD.")
    raise NotUnderstood(f"“{typed}” is no currency; write its three letters, like USD.")


def _one_of(words: tuple[str, ...], field: str) -> Callable[[str], str]:
    def read(typed: str) -> str:
        word = typed.lower()
        if word in words:
            return word
        if any(known.startswith(word) for known in words):
            fits = [known for known in words if known.startswith(word)]
            raise Unfinished(f"{field}: goes on with {' or '.join(fits)}.", *fits)
        raise NotUnderstood(
            f"“{typed}” is nothing {field}: knows; it may be {', '.join(words[:-1])} "
            f"or {words[-1]}.",
            *near(word, words),
        )

    return read


def near(word: str, words: "tuple[str, ...] | list[str]", most: int = 1) -> list[str]:
    """The words of a list that somebody may have meant."""
    from difflib import get_close_matches

    return get_close_matches(word, words, n=most, cutoff=0.6)


WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def read_weekday(typed: str) -> int:
    """`friday`, or as much of it as tells: 1 for Monday to 7 for Sunday."""
    fits = [day for day in WEEKDAYS if day.startswith(typed.lower())]
    if len(fits) == 1:
        return WEEKDAYS.index(fits[0]) + 1
    if fits:
        raise Unfinished(f"weekday: goes on with {' or '.join(fits)}.", *fits)
    raise NotUnderstood(
        f"“{typed}” is no day of the week, like friday.", *near(typed.lower(), WEEKDAYS)
    )


def read_hour(typed: str) -> int:
    """The hour that begins then, by the bank's clock: 0 to 23."""
    if re.fullmatch("[0-9]{1,2}", typed) and int(typed) < 24:
        return int(typed)
    raise NotUnderstood(f"“{typed}” is no hour; write 0 to 23, like 14 for 14:00 to 15:00.")


def read_id(typed: str) -> UUID:
    """A transaction's id as its receipt shows it."""
    try:
        return UUID(typed)
    except ValueError:
        raise NotUnderstood(
            "An id has 32 digits, as at the foot of a receipt; copy the whole of it."
        ) from None


def read_tag(typed: str) -> str:
    """A tag as it is kept: "#Food" is food."""
    tag = typed.removeprefix("#").lower()
    if not tag:
        raise Unfinished("tag: one of your tags, like tag:food.")
    return tag


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the language: what it is for, an example, how its value is read."""

    says: str
    example: str
    read: Callable[[str], Any] = str
    bank_only: bool = False  # asked of the whole bank alone


FIELDS: Mapping[str, Field] = {
    "to": Field("who got the money: a name, an account number, or me", "to:mara"),
    "from": Field("who paid it", "from:me"),
    "with": Field("who stands on the other side, whichever way it went", "with:mara"),
    "account": Field("one account, by its number or its name", "account:everyday"),
    "amount": Field("how much", "amount:>100", read_numbers),
    "currency": Field("in which currency", "currency:EUR", read_currency),
    "date": Field("when it was booked", "date:2026-01..2026-03", read_days),
    "weekday": Field("on which day of the week", "weekday:friday", read_weekday),
    "hour": Field("in which hour of the day", "hour:14", read_hour),
    "joined": Field("paid by who joined the bank then", "joined:2026-03", read_days, True),
    "category": Field("its category; none for those without", "category:rent"),
    "refunds": Field("what gave back a payment of a category", "refunds:shopping"),
    "is": Field("what became of it", "is:pending", _one_of(tuple(IS_WORDS), "is")),
    "type": Field("transfer, deposit or withdrawal", "type:deposit", _one_of(TYPES, "type")),
    "has": Field("what its details have; or a note or a tag of your own", "has:meta.channel"),
    "tag": Field("your tag, the whole of it", "tag:food", read_tag),
    "note": Field("words of your note, from the beginning of a word on", "note:split"),
    "ref": Field("its reference, from the beginning of a word on", "ref:INV"),
    "id": Field("one transaction, by its id", "id:", read_id),
}
