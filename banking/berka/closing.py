"""The closing balances that the bank itself states."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

# The bank rounded amounts to 0.10 without recomputing its balances; its README states this bound.
TOLERANCE_PER_ROW = Decimal("0.06")


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """The balance in a row of the bank's files."""

    day: date
    signed_amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Closing:
    """An account's last day, the bank's balance after it, and the tolerance for a comparison."""

    day: date
    balance: Decimal
    tolerance: Decimal


def closing_of(history: Iterable[StatedBalance]) -> Closing:
    """Returns the bank's balance at the end of an account's last day.

    The rows of one day have no order, so the closing row may be neither the last line nor the one
    with the highest id. The closing row of a day is the one whose balance is nearest to the
    previous closing balance plus the sum of the day's amounts. Only the bank's numbers are used.
    Every history begins at zero.
    """
    rows = sorted(history, key=attrgetter("day"))
    balance = Decimal(0)
    for _, group in groupby(rows, key=attrgetter("day")):
        day_rows = list(group)
        expected = balance + sum(row.signed_amount for row in day_rows)
        balance = min((row.balance for row in day_rows), key=lambda b: abs(b - expected))
    return Closing(rows[-1].day, balance, TOLERANCE_PER_ROW * len(rows))
