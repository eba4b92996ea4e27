"""Standing orders for tests."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from accounts.models import Account
from banking.standing_orders.models import StandingOrder
from banking.standing_orders.services import OrderDraft, set_up
from ledger.db.ids import uuid7


def at(day: date, hour: int = 3) -> datetime:
    """A moment on this day."""
    return datetime.combine(day, time(hour), UTC)


def order_of(mine: Account, theirs: Account, **changed: Any) -> StandingOrder:
    """Ten a month from 31 January 2027 on, or with these changes."""
    facts: dict[str, Any] = {
        "id": uuid7(), "owner": mine.user, "from_account": mine, "to_account": theirs,
        "amount": Decimal(10), "every": "month", "first_on": date(2027, 1, 31),
    }  # fmt: skip
    return set_up(OrderDraft(**(facts | changed)))


def settled(order: StandingOrder) -> list[tuple[str, str]]:
    """What became of each day, in the order of days."""
    rows = order.occurrences.order_by("due_on")
    return [(f"{row.due_on:%m-%d}", row.outcome) for row in rows]
