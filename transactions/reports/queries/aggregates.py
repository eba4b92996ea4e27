"""Aggregates of Postgres that Django has no word for: those over values put in order."""

from typing import Any

from django.db.models import Aggregate, FloatField

from accounts.models import MoneyField


class WithinGroup(Aggregate):
    """An ordered-set aggregate: its argument is what the values are put in order by.

    Source: PostgreSQL manual, 9.21, "Ordered-Set Aggregate Functions".
    """

    template = "%(function)s(%(fraction)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    allow_distinct = False

    def __init__(self, expression: Any, fraction: float | None = None, **extra: Any) -> None:
        # A number of our own code, so it may stand in the SQL; float() refuses all else.
        shown = "" if fraction is None else repr(float(fraction))
        super().__init__(expression, fraction=shown, **extra)


class PercentileDisc(WithinGroup):
    """The least amount that at least this fraction of the rows does not exceed: one that was
    really paid, and exact."""

    function = "PERCENTILE_DISC"
    output_field = MoneyField()


class PercentileCont(WithinGroup):
    """The amount at this fraction of the way, between two rows if need be: for 10 and 20 the
    median is 15. Postgres computes it in double precision: a float, 15 digits exact."""

    function = "PERCENTILE_CONT"
    output_field = FloatField()


class Mode(WithinGroup):
    """The most frequent amount; of several the least."""

    function = "MODE"
    output_field = MoneyField()
