"""What made a payment that nobody typed in: a file or a standing order.

A feature registers a function in its module `origin`; the receipt shows what that returns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from transactions.models import Transaction


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a payment, as its receipt shows it to one reader.

    `id` is that of what made it. `url` is "" if the reader may not open it: then the receipt does
    not name it. `how` completes "The bank paid ... from ...", for a payment that staff booked for
    the holder. `repeats` is whether it makes further payments by itself.
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
    """Asks this function, too, for the origin of each payment. A decorator."""
    FINDERS.append(find)
    return find


def origin_of(row: Transaction, reader: User) -> Origin | None:
    """The first origin that is found; None for what was typed in. A hold and a refund have none."""
    if row.is_hold or row.is_reversal:
        return None
    return next((origin for find in FINDERS if (origin := find(row, reader))), None)
