"""Ordered-set aggregates of Postgres for which Django has no class."""

from typing import Any

from django.db.models import Aggregate, FloatField

from accounts.models import MoneyField


class WithinGroup(Aggregate):
    """An ordered-set aggregate, such as a percentile. Postgres orders the rows by the argument.

    Source: PostgreSQL manual, 9.21, "Ordered-Set Aggregate Functions".
    """

    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False

    def __init__(self, expression: Any, fraction: float | None = None, **extra: Any) -> None:
        # This is safe in SQL, because float() accepts only numbers.
        literal = "" if fraction is None else repr(float(fraction))
        super().__init__(expression, fraction=literal, **extra)


class PercentileDisc(WithinGroup):
    """The smallest amount X for which at least the given fraction of the amounts is X or lower. The
    result is always the amount of a row.
    """

    function = "PERCENTILE_DISC"
    output_field = MoneyField()


class PercentileCont(WithinGroup):
    """The amount below which the given fraction of the amounts lies, interpolated between two rows.
    For example, the median of 10 and 20 is 15.

    The result is a float with 15 exact digits, because Postgres computes it in double precision.
    """

    function = "PERCENTILE_CONT"
    output_field = FloatField()


class Mode(WithinGroup):
    """The most frequent amount. Of several equally frequent amounts, the smallest one."""

    function = "MODE"
    output_field = MoneyField()
