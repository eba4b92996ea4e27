"""Builds the condition for the rows of a page: all rows after the last row of the previous page.
The condition compares a booking time and an id (keyset), so new rows do not shift the pages.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from transactions.scope import Scope


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The booking time and the id of the last row on the previous page."""

    moment: datetime
    id: UUID


def is_beyond(scope: Scope, place: RowPlace, *, oldest_first: bool) -> Q:
    """Returns the condition that a row comes after the row at `place`. Postgres can use an index
    for the first part of the condition. For the bank, the condition uses the alias `booked_at`.
    """
    time = "booked_at" if scope.is_bank else "created_at"
    way = "gt" if oldest_first else "lt"
    is_tied_or_beyond = Q(**{f"{time}__{way}e": place.moment})
    return is_tied_or_beyond & (
        Q(**{f"{time}__{way}": place.moment}) | Q(**{f"pk__{way}": place.id})
    )
