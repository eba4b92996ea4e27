"""Calculates the closing balances according to the bank's files."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

# The bank rounded amounts to 0.10 but did not calculate its balances again. The bank's README
# contains this limit.
TOLERANCE_PER_ROW = Decimal("0.06")


@dataclass(frozen=True, slots=True)
class StatedBalance:
    """The amount and the balance that a row of the bank's files contains."""

    day: date
    signed_amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Closing:
    """The last day of an account, the bank's balance at the end of this day, and the difference
    that is tolerated when balances are compared.
    """

    day: date
    balance: Decimal
    tolerance: Decimal


def closing_of(history: Iterable[StatedBalance]) -> Closing:
    """Returns the bank's balance at the end of an account's last day.

    The files do not contain the order of the rows of one day. The expected balance of a day is the
    previous closing balance plus the sum of the day's amounts. The closing balance of a day is the
    balance in the files that is nearest to the expected balance. Every history begins at zero.
    """
    rows = sorted(history, key=attrgetter("day"))
    balance = Decimal(0)
    for _, group in groupby(rows, key=attrgetter("day")):
        day_rows = list(group)
        expected = balance + sum(row.signed_amount for row in day_rows)
        balance = min((row.balance for row in day_rows), key=lambda b: abs(b - expected))
    return Closing(rows[-1].day, balance, TOLERANCE_PER_ROW * len(rows))
