"""Ordered-set aggregates of Postgres that Django has no class for."""

from typing import Any

from django.db.models import Aggregate, FloatField

from accounts.models import MoneyField


class WithinGroup(Aggregate):
    """An ordered-set aggregate; its argument is the expression to order the values by.

    Source: PostgreSQL manual, 9.21, "Ordered-Set Aggregate Functions".
    """

    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False

    def __init__(self, expression: Any, fraction: float | None = None, **extra: Any) -> None:
        # Safe to put into the SQL: float() refuses everything but a number.
        literal = "" if fraction is None else repr(float(fraction))
        super().__init__(expression, fraction=literal, **extra)


class PercentileDisc(WithinGroup):
    """The smallest amount that at least this fraction of the rows does not exceed; always an amount
    of a row, and exact.
    """

    function = "PERCENTILE_DISC"
    output_field = MoneyField()


class PercentileCont(WithinGroup):
    """The amount at this fraction, interpolated between two rows: the median of 10 and 20 is 15. A
    float, exact to 15 digits, because Postgres computes it in double precision.
    """

    function = "PERCENTILE_CONT"
    output_field = FloatField()


class Mode(WithinGroup):
    """The most frequent amount; the smallest of several that are equally frequent."""

    function = "MODE"
    output_field = MoneyField()
