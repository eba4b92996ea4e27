"""What the worker that is killed and its test share."""

from datetime import UTC, datetime
from uuid import UUID

from ledger.db.ids import uuid7_of


def payment_id(number: int) -> UUID:
    """The id of a payment by its number, so that a worker begins again where another ended."""
    return uuid7_of(datetime(2026, 1, 1, tzinfo=UTC), f"payment {number}")
