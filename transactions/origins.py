"""The origin of a payment that nobody typed in: a payment file or a standing order.

A feature registers a function in its module `origin`. The function returns the origin of a payment,
and the receipt shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a payment, as this reader may see it on the receipt.

    `id` is the id of the file or standing order. `url` is "" if the reader may not open the origin;
    in this case the receipt does not show its name. `how` is set if staff booked the payment for
    the account's holder; it completes the sentence "The bank paid ... from ...". `repeats` is true
    if the origin makes more payments automatically.
    """

    id: UUID
    label: str
    text: str
    url: str
    caption: str = ""
    how: str = ""
    repeats: bool = False


# Returns the origin of a payment for this reader, or None. Sends one query.
Find = Callable[[Transaction, User], Origin | None]
FINDERS: list[Find] = []


def register(find: Find) -> Find:
    """Registers a function that finds the origin of a payment. Use it as a decorator."""
    FINDERS.append(find)
    return find


def origin_of(row: Transaction, reader: User) -> Origin | None:
    """Returns the origin of a payment. Returns None if somebody typed the payment in, and for a
    hold or a refund.
    """
    if row.is_hold or row.is_reversal:
        return None
    return next((origin for find in FINDERS if (origin := find(row, reader))), None)
