"""Recipes about range fields: their bounds, lookups and operators."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange
from django.db.models import Count, Q

from cookbook.models import FeeBand, Visit
from cookbook.recipes.schema import GROUP
from cookbook.runner.steps import step


@GROUP.recipe(
    "DateTimeRangeField: from a moment until another",
    asks="How do I store a period of time in one column and query it?",
    shows=(
        "DateTimeRangeField",
        "DateTimeTZRange",
        "tstzrange",
        "contains",
        "contained_by",
        "overlap",
        "startswith",
        "endswith",
        "isempty",
        "lower_inc",
        "upper_inf",
    ),
    notice="contains is @>: the range contains a moment. contained_by is <@: the whole range is "
    "within another. overlap is &&: both share a moment. during__startswith is LOWER(), "
    "the first moment, and during__endswith is UPPER(). isempty, lower_inc, lower_inf, upper_inc "
    "and upper_inf are functions of these names: a range without a moment, with its first moment, "
    "or without an end.",
    pitfall="The default bounds are [): the start belongs to the range, the end does not. A range "
    "of equal moments is empty, and an empty range overlaps nothing. None as an end means without "
    "an end, not unknown.",
)
def visits_by_date_time_range(hour: int = 9) -> dict[str, int]:
    """Counts the visits of 15 June that contain, are within, overlap or start in an hour."""
    since = datetime(2026, 6, 15, tzinfo=UTC) + timedelta(hours=hour % 24)
    an_hour = DateTimeTZRange(since, since + timedelta(hours=1))
    visits = Visit.objects.all()
    with step("contains"):
        contains = visits.filter(during__contains=since).count()
    with step("contained_by"):
        within = visits.filter(during__contained_by=an_hour).count()
    with step("overlap"):
        overlap = visits.filter(during__overlap=an_hour).count()
    with step("startswith"):
        starts = visits.filter(
            during__startswith__gte=since, during__startswith__lt=an_hour.upper
        ).count()
    with step("isempty, lower_inc, upper_inf"):
        kinds = visits.aggregate(
            isempty=Count("pk", filter=Q(during__isempty=True)),
            lower_inc=Count("pk", filter=Q(during__lower_inc=True)),
            upper_inf=Count("pk", filter=Q(during__upper_inf=True)),
        )
    return {
        "contains": contains,
        "contained_by": within,
        "overlap": overlap,
        "startswith": starts,
        **kinds,
    }


@GROUP.recipe(
    "NumericRange: which bounds belong to it",
    asks="How do I set the bounds of a range of numbers?",
    shows=(
        "NumericRange",
        "DecimalRangeField",
        "IntegerRangeField",
        "BigIntegerRangeField",
        "bounds",
        "numrange",
    ),
    notice="NumericRange(0, 100) is [0, 100): with 0 and without 100, so the amount 100 is in the "
    "next band. Its third argument is the bounds: NumericRange(1, 12, '[]') includes both ends. "
    "None means without an end. For an IntegerRangeField (int4range) and a BigIntegerRangeField "
    "(int8range), Postgres stores every range as [): "
    "[1, 12] is read back as [1, 13). A DecimalRangeField keeps its bounds.",
    pitfall="In Django 5.2, amounts__contains=Decimal(100) is an error on a DecimalRangeField: "
    "Django casts the number to numeric(None, None). Ask for a range with one number, as here. "
    "default_bounds of a DecimalRangeField "
    "changes the bounds of tuples and lists, not those of a NumericRange.",
    writes=True,
)
def fee_by_numeric_range(amount: Decimal = Decimal(100)) -> list[dict[str, Any]]:
    """Creates two bands of fees. Returns the band of an amount and its ranges."""
    numbers = NumericRange(1_000_000_000, 9_999_999_999, "[]")
    for name, amounts, months in (
        ("small", NumericRange(0, 100), NumericRange(1, 12, "[]")),
        ("large", NumericRange(100, None), NumericRange(1, 6, "[]")),
    ):
        FeeBand.objects.create(name=name, amounts=amounts, months=months, accounts=numbers)
    return [
        {
            "name": band.name,
            "amounts": str(band.amounts),
            "months": str(band.months),
            "accounts": str(band.accounts),
        }
        for band in FeeBand.objects.filter(amounts__contains=NumericRange(amount, amount, "[]"))
    ]


@GROUP.recipe(
    "adjacent_to (-|-): ranges that touch",
    asks="How do I find ranges that touch or that have a gap?",
    shows=("adjacent_to", "-|-", "fully_lt", "fully_gt", "not_lt", "not_gt", "gap between ranges"),
    notice="adjacent_to is -|-: one range ends exactly where the other begins, and they share no "
    "value. fully_lt is <<: the range is before the other, also with a gap. fully_gt is >>. not_lt "
    "is &>: no part of the range is before the other; not_gt is &<: no part is after it.",
    pitfall="[0, 100] and [100, 500) are not adjacent, because both contain 100. [0, 100) and "
    "(100, 500) are not adjacent either, because neither contains 100.",
    writes=True,
)
def bands_by_adjacent_to() -> dict[str, list[str]]:
    """Creates four bands of fees. Returns the bands that each lookup finds for the second band."""
    for name, amounts in (
        ("small", (0, 100)),
        ("medium", (100, 500)),
        ("large", (500, 900)),
        ("huge", (1000, None)),
    ):
        FeeBand.objects.create(name=name, amounts=NumericRange(*amounts))
    medium = NumericRange(100, 500)
    names = FeeBand.objects.order_by("amounts").values_list("name", flat=True)
    return {
        "adjacent_to": list(names.filter(amounts__adjacent_to=medium)),
        "fully_lt": list(names.filter(amounts__fully_lt=medium)),
        "fully_gt": list(names.filter(amounts__fully_gt=medium)),
        "not_lt": list(names.filter(amounts__not_lt=medium)),
        "not_gt": list(names.filter(amounts__not_gt=medium)),
    }
