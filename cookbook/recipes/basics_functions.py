"""Recipes about functions that convert, compare and sort values."""

from decimal import Decimal
from typing import Annotated, Any

from django.db.models import Avg, F, IntegerField, QuerySet, Value
from django.db.models.functions import Cast, Collate, Lower, NullIf, StrIndex, Substr

from cookbook.models import Visit, Voucher
from cookbook.recipes.basics import GROUP
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step


@GROUP.recipe(
    "Cast: another type for a value",
    asks="How do I convert a text to a number in a query?",
    shows=("Cast", "::integer", "convert a type", "output_field"),
    notice="Cast(expression, IntegerField()) is (…)::integer. The last part of each code is then "
    "compared and sorted as a number. Of texts without leading zeros, 10 comes before 9.",
    pitfall="A value that does not fit is an error (22P02) for the whole query, not NULL. And a "
    "condition on a Cast cannot use an index on the column.",
)
def vouchers_by_cast(least: Annotated[int, Between(1, 5000)] = 4998) -> QuerySet[Voucher, Any]:
    """Returns the vouchers whose number, a part of the code, is above a limit."""
    return (
        Voucher.objects.annotate(number=Cast(Substr("code", 6), IntegerField()))
        .filter(number__gte=least)
        .order_by("number")
        .values("code", "number")[:5]
    )


@GROUP.recipe(
    "NullIf: NULL instead of a value",
    asks="How do I avoid a division by zero?",
    shows=("NullIf", "NULLIF", "division by zero", "empty text to NULL"),
    notice="NULLIF(spent, 0) is NULL where spent is 0. A division by NULL is NULL and no error, "
    "and Avg() skips NULL: the second average is that of the vouchers that were used.",
    pitfall="With arguments of different types, such as Value(0), an integer, Django raises "
    "FieldError, unless you give output_field. The result can be NULL; where a number is needed, "
    "add Coalesce().",
)
def average_by_null_if() -> dict[str, Any]:
    """Returns the average spent amount of all and of used vouchers, and three vouchers' ratios."""
    averages = Voucher.objects.aggregate(
        of_all=Avg("spent"), of_used=Avg(NullIf("spent", Value(Decimal(0))))
    )
    ratios = Voucher.objects.annotate(ratio=F("worth") / NullIf("spent", Value(Decimal(0))))
    return {
        "averages": {name: round(value, 2) for name, value in averages.items()},
        "ratios": list(ratios.order_by("code").values("code", "spent", "ratio")[18:21]),
    }


@GROUP.recipe(
    "Collate: the order of a query",
    asks="How do I sort or compare with another collation?",
    shows=("Collate", "COLLATE", "collation", "sort accents", "sort without case"),
    notice='Collate("shop", "C") sorts by bytes: all upper-case letters, then the lower-case '
    'letters, then letters with accents such as Ł. Collate(Lower("shop"), "C") ignores the case '
    "and sorts the rest by bytes.",
    pitfall="The collations that exist depend on the server: C and POSIX are on all servers. An "
    "index has the collation of its column, so this ORDER BY sorts all rows.",
)
def shops_by_collate() -> dict[str, list[str]]:
    """Returns the shops of the visits in two orders."""
    comma = StrIndex("place", Value(","))
    shops = Visit.objects.annotate(shop=Substr("place", 1, comma - 1)).values_list(
        "shop", flat=True
    )
    shops = shops.distinct()
    with step("by bytes"):
        by_bytes = list(shops.order_by(Collate("shop", "C")))
    with step("in lower case"):
        in_lower_case = list(shops.order_by(Collate(Lower("shop"), "C")))
        return {"by bytes": by_bytes, "in lower case": in_lower_case}
