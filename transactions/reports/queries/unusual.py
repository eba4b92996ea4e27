"""Movements out of the ordinary."""

from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Case, Count, F, Q, StdDev, Value, When, Window
from django.db.models.functions import Concat, NullIf, Right, TruncDate

from ledger.text.dates import end_of_day, start_of_day
from transactions.reports.queries.categories import CATEGORY
from transactions.reports.queries.frames import DaysBefore
from transactions.scope import Scope

YEAR = 365  # days
ENOUGH = 8  # earlier movements, for fewer say nothing of what is usual


def unusual_movements(
    scope: Scope,
    *,
    currency: str,
    since: date,
    until: date,
    threshold: Decimal = Decimal(3),
    days: int = YEAR,
) -> list[dict[str, Any]]:
    """Movements far from what is usual for their account and category; the farthest first.

    Each is held against those of the `days` before it: `score` is how many times their standard
    deviation (`spread`) it lies above their average (`usual`), or below if negative. Listed
    from `threshold` on, either way. Where all earlier ones were of the same amount nothing can
    be divided by their spread; then any other amount is listed, with `score` None. With fewer
    than ENOUGH earlier ones nothing is. Refunds neither count nor are listed.
    """
    start, end = start_of_day(since), end_of_day(until)
    before: dict[str, Any] = {
        "partition_by": ["account", "direction", CATEGORY],
        "order_by": "created_at",
        "frame": DaysBefore(days),
    }
    found: Any = (
        scope.flows(currency)
        # Days of 24 hours, as the frame's: not of the clock, which has one of 23 and one of 25.
        .between(start.astimezone(UTC) - timedelta(days=days), end)
        .filter(reverses__isnull=True)
        .annotate(
            earlier=Window(Count("*"), **before),
            usual=Window(Avg("amount"), **before),
            spread=Window(StdDev("amount", sample=True), **before),
        )
        .annotate(score=(F("amount") - F("usual")) / NullIf("spread", Value(Decimal(0))))
        # What is asked of a window's result is asked after it, what is not is asked before: as
        # a filter, `created_at__gte=start` would take the year before out of the windows.
        .annotate(
            is_unusual=Case(
                When(Q(created_at__lt=start) | Q(earlier__lt=ENOUGH), then=False),
                When(Q(spread=0) & ~Q(amount=F("usual")), then=True),
                When(Q(score__gte=threshold) | Q(score__lte=-threshold), then=True),
                default=False,
            )
        )
        .filter(is_unusual=True)
        .annotate(day=TruncDate("created_at"), what=_what(scope))
        .values(
            "transaction_id", "day", "what", "category", "direction", "amount", "usual", "spread",
            "score", "earlier",
        )
    )  # fmt: skip
    # In Python: the ORM would let Postgres sort all that has a score before most is left out.
    rows: list[dict[str, Any]] = list(found)
    return sorted(rows, key=lambda row: (abs(row["score"] or 0), row["amount"]), reverse=True)


def _what(scope: Scope) -> Any:
    """What a movement is called: its description, which may name people, or else its account."""
    if scope.shows_names:
        return F("description")
    return Concat(Value("Account \N{MIDDLE DOT}\N{MIDDLE DOT}"), Right("account__number", 4))
