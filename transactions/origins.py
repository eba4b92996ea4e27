"""The origin of a payment that nobody typed in: a file or a standing order.

A feature registers a function in its module `origin`; the receipt shows what the function returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a payment, as one reader may see it on the receipt.

    `id` is the id of the file or standing order. `url` is "" if the reader may not open the origin;
    then the receipt does not name it. `how` completes "The bank paid ... from ..." for a payment
    that staff booked for the holder. `repeats` is whether the origin makes further payments
    automatically.
    """

    id: UUID
    label: str
    text: str
    url: str
    caption: str = ""
    how: str = ""
    repeats: bool = False


# Finds the origin of a payment for a reader, with one query.
Find = Callable[[Transaction, User], Origin | None]
FINDERS: list[Find] = []


def register(find: Find) -> Find:
    """Registers a function that finds the origin of payments. A decorator."""
    FINDERS.append(find)
    return find


def origin_of(row: Transaction, reader: User) -> Origin | None:
    """Returns the first origin that is found; None for a payment that was typed in, a hold or a
    refund.
    """
    if row.is_hold or row.is_reversal:
        return None
    return next((origin for find in FINDERS if (origin := find(row, reader))), None)
