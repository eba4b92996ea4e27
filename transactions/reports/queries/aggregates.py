"""Ordered-set aggregates of Postgres for which Django has no class."""

from typing import Any

from django.db.models import Aggregate, FloatField

from accounts.models import MoneyField


class WithinGroup(Aggregate):
    """An ordered-set aggregate, such as a percentile. Its argument is the expression by which
    Postgres orders the values.

    Source: PostgreSQL manual, 9.21, "Ordered-Set Aggregate Functions".
    """

    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False

    def __init__(self, expression: Any, fraction: float | None = None, **extra: Any) -> None:
        # This is safe in SQL, because float() accepts only numbers.
        literal = "" if fraction is None else repr(float(fraction))
        super().__init__(expression, fraction=literal, **extra)


class PercentileDisc(WithinGroup):
    """The smallest amount in the rows for which this is true: at least the given fraction of the
    rows has this amount or a lower one. The value is always the amount of a row.
    """

    function = "PERCENTILE_DISC"
    output_field = MoneyField()


class PercentileCont(WithinGroup):
    """The amount below which the given fraction of the rows lies, interpolated between two rows.
    For example, the median of 10 and 20 is 15.

    The value is a float with 15 exact digits, because Postgres computes it in double precision.
    """

    function = "PERCENTILE_CONT"
    output_field = FloatField()


class Mode(WithinGroup):
    """The most frequent amount. If several amounts are equally frequent, it is the smallest of
    these amounts.
    """

    function = "MODE"
    output_field = MoneyField()
