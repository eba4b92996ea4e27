"""Reads words that may mean an amount or a period.

    4,70   €150   150 EUR   >100        yesterday   last month   october   oct 2025   10/2026

A search for such a word finds texts with the same word, and also the payments with this amount or
in this period. This module sends no queries.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from ledger.text.amounts import FIGURE, parse_figure
from ledger.text.currencies import is_currency
from transactions.search.language.periods import period_of
from transactions.search.language.values import LOOKUPS, Bounds, moments, with_point

SYMBOLS = {"€": "EUR", "£": "GBP", "$": "USD", "¥": "JPY"}
_SYMBOL = "[€£$¥]"
_MONEY = re.compile(
    rf"""
    (?P<operator>[<>]=?)?
    (?: (?P<before>{_SYMBOL}|[A-Z]{{3}}\ ) )?
    (?P<figure>{FIGURE}|[0-9.]*[0-9],[0-9]{{1,2}})
    (?P<after>{_SYMBOL}|\ [A-Za-z]{{3}})?
    """,
    re.VERBOSE,
)
# 1,234 is 1234, and 1.234 has decimals. In some other languages, comma and point have the opposite
# meaning.
_TWO_MEANINGS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}")


@dataclass(frozen=True, slots=True)
class Reading:
    """The possible meaning of a word: bounds on the amount, a currency or "", and bounds on the
    booking time.

    `term` expresses this meaning in the query language, such as "amount:150 currency:EUR".
    `is_shown` is false for a plain number, whose meaning the page does not show.
    """

    term: str
    amounts: Bounds = ()
    currency: str = ""
    days: Bounds = ()
    is_shown: bool = True


def reading_of(text: str) -> Reading | None:
    """Returns the amount or period that the text may mean, or None."""
    return _money(text) or _period(text)


def _money(text: str) -> Reading | None:
    match = _MONEY.fullmatch(text)
    if match is None or (match["before"] and match["after"]):
        return None
    symbol = (match["before"] or match["after"] or "").strip()
    currency = SYMBOLS.get(symbol, symbol.upper())
    amount = parse_figure(with_point(match["figure"]))
    if amount is None or (currency and not is_currency(currency)):
        return None
    operator = match["operator"] or ""
    terms = [f"amount:{operator}{amount:f}", *([f"currency:{currency}"] if currency else [])]
    bounds = ((LOOKUPS.get(operator, "exact"), amount),)
    is_plain = parse_figure(text) is not None and not _TWO_MEANINGS.fullmatch(text)
    return Reading(" ".join(terms), bounds, currency, is_shown=not is_plain)


def _period(text: str) -> Reading | None:
    period = period_of(text, timezone.localdate())
    if period is None:
        return None
    return Reading(f"date:{term_of(*period)}", days=moments(*period))


def term_of(first: date, after: date) -> str:
    """Returns the value of `date:` for a period, such as 2026-10 or 2026-11-23..2026-11-29. `after`
    is the first day after the period.
    """
    last = after - timedelta(days=1)
    if first == last:
        return str(first)
    if first.day == 1 and after.day == 1:
        if (first.year, first.month) == (last.year, last.month):
            return f"{first:%Y-%m}"
        if first.month == after.month == 1 and last.year == first.year:
            return f"{first:%Y}"
    return f"{first}..{last}"
