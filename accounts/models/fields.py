"""Fields and limits that the models of both apps share."""

from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models import Q

# timestamptz holds infinity, which no book should.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


LATEST = datetime(9999, 1, 1, tzinfo=UTC)


def times_finite(*names: str) -> Q:
    """The condition that each column is NULL, or from EARLIEST up to but excluding LATEST."""
    condition = Q()
    for name in names:
        condition &= Q(**{f"{name}__isnull": True}) | Q(
            **{f"{name}__gte": EARLIEST, f"{name}__lt": LATEST}
        )
    return condition


class MoneyField(models.DecimalField):  # type: ignore[type-arg]
    """An amount of money: `numeric(19,4)`, a Decimal in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"max_digits": 19, "decimal_places": 4, **kwargs})
