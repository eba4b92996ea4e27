"""Ordered-set aggregates of Postgres that Django has no class for."""

from typing import Any

from django.db.models import Aggregate, FloatField

from accounts.models import MoneyField


class WithinGroup(Aggregate):
    """An ordered-set aggregate. Its argument is the expression by which the values are ordered.

    Source: PostgreSQL manual, 9.21, "Ordered-Set Aggregate Functions".
    """

    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False

    def __init__(self, expression: Any, fraction: float | None = None, **extra: Any) -> None:
        # Safe in SQL, because float() accepts only numbers.
        literal = "" if fraction is None else repr(float(fraction))
        super().__init__(expression, fraction=literal, **extra)


class PercentileDisc(WithinGroup):
    """The smallest amount of a row for which at least this fraction of the rows is not higher. It
    is exact.
    """

    function = "PERCENTILE_DISC"
    output_field = MoneyField()


class PercentileCont(WithinGroup):
    """The amount at this fraction, interpolated between two rows: the median of 10 and 20 is 15. It
    is a float, exact to 15 digits, because Postgres computes it in double precision.
    """

    function = "PERCENTILE_CONT"
    output_field = FloatField()


class Mode(WithinGroup):
    """The most frequent amount, or the smallest of them if several are equally frequent."""

    function = "MODE"
    output_field = MoneyField()
