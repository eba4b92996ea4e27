"""The origin of a payment that nobody typed: a payment file or a standing order.

A feature registers a function in its module `origin`. The function returns the origin of a payment.
The receipt shows the origin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """The origin of a payment, as the receipt shows it to one reader.

    `id` is the id of the file or standing order. `url` is "" if the reader may not open the origin.
    The receipt then does not show the origin's name. `how` completes the sentence "The bank paid
    ... from ...", if staff booked the payment for the account's holder. `repeats` is true if the
    origin makes more payments automatically.
    """

    id: UUID
    label: str
    text: str
    url: str
    caption: str = ""
    how: str = ""
    repeats: bool = False


# Returns the origin of a payment for a reader, or None. Sends one query.
Find = Callable[[Transaction, User], Origin | None]
FINDERS: list[Find] = []


def register(find: Find) -> Find:
    """Registers a function that finds the origin of a payment. Use it as a decorator."""
    FINDERS.append(find)
    return find


def origin_of(row: Transaction, reader: User) -> Origin | None:
    """Returns the origin of a payment. Returns None for a hold or a refund, and for a payment that
    somebody typed.
    """
    if row.is_hold or row.is_reversal:
        return None
    return next((origin for find in FINDERS if (origin := find(row, reader))), None)
