"""Where a page of rows by booking time begins: after the row with this time and id (keyset).

Rows that are booked in the meantime do not shift the pages.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from transactions.scope import Scope


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The booking time and the id of the last row of the previous page."""

    moment: datetime
    id: UUID


def is_beyond(scope: Scope, place: RowPlace, *, oldest_first: bool) -> Q:
    """Returns the condition that a row comes after this place. Its first part is a bound for an
    index: for the bank, on the alias `booked_at`.
    """
    time = "booked_at" if scope.is_bank else "created_at"
    way = "gt" if oldest_first else "lt"
    is_tied_or_beyond = Q(**{f"{time}__{way}e": place.moment})
    return is_tied_or_beyond & (
        Q(**{f"{time}__{way}": place.moment}) | Q(**{f"pk__{way}": place.id})
    )
