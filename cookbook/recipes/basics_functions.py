"""Recipes about functions that convert, compare, sort and calculate values."""

from decimal import Decimal
from typing import Annotated, Any

from django.db.models import (
    Avg,
    BigIntegerField,
    CharField,
    F,
    Func,
    IntegerField,
    QuerySet,
    Value,
)
from django.db.models.functions import (
    MD5,
    Cast,
    Chr,
    Collate,
    Concat,
    Lower,
    LPad,
    Mod,
    NullIf,
    Ord,
    Power,
    Round,
    RPad,
    Sqrt,
    StrIndex,
    Substr,
)

from accounts.models import Account
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


@GROUP.recipe(
    "Power, Sqrt, Mod: mathematical functions",
    asks="How do I calculate with powers, roots and remainders in a query?",
    shows=("Power", "Sqrt", "Mod", "Round", "mathematical functions", "compound interest"),
    notice="POWER(1.03, years) is the factor by which the money grows in all years together, and "
    "SQRT(1.03) the factor of half a year. MOD is the remainder of a division, here the base "
    "of a check digit. Django also has Abs, Ceil, Exp, Floor, Ln, Log, Pi, Sign, and the functions "
    "of angles.",
    pitfall="MOD has the sign of the first number: MOD(-7, 3) is -1, but -7 % 3 in Python is 2. "
    "SQRT of a negative number is an error (2201F) for the whole query. With only integers, Power "
    "and Sqrt return a float, which is not exact: give money and rates as Decimal.",
)
def savings_by_power(years: Annotated[int, Between(1, 50)] = 10) -> QuerySet[Account, Any]:
    """Returns savings in dollars with 3 % interest, after some years and after half a year."""
    rate = Value(Decimal("1.03"))
    return (
        Account.objects.filter(name="Savings", currency="USD")
        .annotate(
            in_years=Round(F("balance") * Power(rate, years), 2),
            in_half_a_year=Round(F("balance") * Sqrt(rate), 2),
            remainder=Mod(Cast("number", BigIntegerField()), 97),
        )
        .order_by("-balance")
        .values("number", "balance", "in_years", "in_half_a_year", "remainder")
    )


class SHA256(Func):
    """The SHA-256 digest of a text in hexadecimal, by functions that need no extension."""

    template = "ENCODE(SHA256(CONVERT_TO(%(expressions)s, 'UTF8')), 'hex')"
    output_field = CharField()


@GROUP.recipe(
    "LPad, RPad, MD5, SHA256, Chr, Ord: texts",
    asks="How do I fill up, hash or encode texts in a query?",
    shows=("LPad", "RPad", "MD5", "SHA256", "Chr", "Ord", "hash", "digest", "text functions"),
    notice="RPAD fills a text on the right and LPAD on the left, so the line has 22 characters. "
    "CHR(65) is A, so the number of a voucher gives a letter from A to Z; Ord is ASCII(), the "
    "opposite. MD5 is a function of Postgres. Django's SHA256 sends DIGEST() of the extension "
    "pgcrypto, so this class sends Postgres's SHA256(), which takes bytes.",
    pitfall="LPad and RPad cut a text that is longer than the length. Without pgcrypto, Django's "
    "SHA1 to SHA512 fail with 42883. No plain digest protects a password or a short number: "
    "somebody can try all of them. For passwords there are Django's hashers.",
)
def vouchers_by_lpad(most: Annotated[int, Between(1, 20)] = 3) -> QuerySet[Voucher, Any]:
    """Returns vouchers as lines of a printed list, each with a check letter and two digests."""
    number = Cast(Substr("code", 6), IntegerField())
    worth = LPad(Cast("worth", CharField()), 8, Value("."))
    return Voucher.objects.order_by("code").values(
        line=Concat(RPad("code", 14, Value(".")), worth),
        letter=Chr(Value(65) + Mod(number, 26)),
        first=Ord("code"),
        md5=MD5(Lower("email")),
        sha256=SHA256(Lower("email")),
    )[:most]
