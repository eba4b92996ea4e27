"""Finds payments far above or below the usual amount of their category."""

from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Avg, Case, Count, F, Q, StdDev, Value, When, Window
from django.db.models.functions import Concat, NullIf, Right, TruncDate

from ledger.text.dates import end_of_day, start_of_day
from transactions.annotations.categories import category_or_none
from transactions.reports.queries.frames import DaysBefore
from transactions.scope import Scope

YEAR = 365  # days
ENOUGH = 8  # minimum number of earlier payments


def unusual_movements(
    scope: Scope,
    *,
    currency: str,
    since: date,
    until: date,
    threshold: Decimal = Decimal(3),
    days: int = YEAR,
) -> list[dict[str, Any]]:
    """Returns the payments whose amount is far from the average of their account and category. The
    payment with the largest distance comes first.

    Each payment is compared with the payments in the `days` before. `usual` is the average of these
    earlier payments, and `spread` is their standard deviation. `score` is the distance from `usual`
    in units of `spread`, and is negative for amounts below `usual`. A payment is returned if its
    score is at least `threshold` or at most -`threshold`. If all earlier amounts were equal
    (`spread` is 0), a payment with another amount is returned, with a `score` of None. A payment
    with fewer than ENOUGH earlier payments is not returned. Refunds are ignored.
    """
    start, end = start_of_day(since), end_of_day(until)
    before: dict[str, Any] = {
        "partition_by": ["account", "direction", "paid_for"],
        "order_by": "created_at",
        "frame": DaysBefore(days),
    }
    found: Any = (
        scope.flows(currency)
        # The start is in UTC, because the days of the window frame have 24 hours. Local days may
        # have 23 or 25 hours.
        .between(start.astimezone(UTC) - timedelta(days=days), end)
        .filter(reverses__isnull=True)
        .annotate(paid_for=category_or_none(scope.own_reader, "transaction_id"))
        .annotate(
            earlier=Window(Count("*"), **before),
            usual=Window(Avg("amount"), **before),
            spread=Window(StdDev("amount", sample=True), **before),
        )
        .annotate(score=(F("amount") - F("usual")) / NullIf("spread", Value(Decimal(0))))
        # This condition is an annotation. A filter on `created_at` would also remove the earlier
        # rows from the windows.
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
            "transaction_id", "day", "what", "paid_for", "direction", "amount", "usual", "spread",
            "score", "earlier",
        )
    )  # fmt: skip
    # The rows are sorted in Python. Postgres would sort all rows before it filters on the window.
    rows: list[dict[str, Any]] = list(found)
    return sorted(rows, key=lambda row: (abs(row["score"] or 0), row["amount"]), reverse=True)


def _what(scope: Scope) -> Any:
    """Returns an expression for the label of a payment: the description, or the account if the
    reader may not see names.
    """
    if scope.shows_names:
        return F("description")
    return Concat(Value("Account \N{MIDDLE DOT}\N{MIDDLE DOT}"), Right("account__number", 4))
