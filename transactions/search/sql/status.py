"""The conditions for the field `is:`, which finds transactions by status, kind and direction."""

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ledger.db.queries.conditions import NO_ROWS
from transactions.models import StaffReason, Transaction
from transactions.search.sql.condition import negated
from transactions.search.sql.sides import SideConditions


def has_status(value: str, sides: SideConditions) -> Q:
    """Returns the condition for any value of `is:` except "in" and "out" (see
    `language.fields.IS_VALUES`). The compiler handles these two values, because they depend on
    `account:` in the same group.
    """
    is_over = Q(expires_at__lte=timezone.now())
    if sides.id_field != "pk":
        is_over = NO_ROWS  # an entry is booked, so an entry cannot be a hold
    released = Exists(
        StaffReason.objects.filter(transaction=OuterRef(sides.id_field), action="release")
    )
    refunds = Transaction.objects.filter(reverses=OuterRef(sides.id_field))
    if value == "own":
        return sides.moved(value)
    if value in ("transfer", "deposit", "withdrawal"):
        return Q(type=value)
    return {
        "booked": Q(status="completed"),
        "pending": Q(status="pending"),
        "captured": Q(status="captured"),
        "released": Q(status="voided") & (negated(is_over) | Q(released)),
        "expired": is_over & (Q(status="pending") | (Q(status="voided") & ~Q(released))),
        "hold": Q(status__in=["pending", "captured", "voided"]),
        "refund": Q(reverses__isnull=False),
        "refunded": Q(Exists(refunds.filter(status="completed"))),
    }[value]
