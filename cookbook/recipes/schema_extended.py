"""Recipes about custom lookups, transforms, functions and aggregates."""

from decimal import Decimal
from typing import Any

from django.db.models import (
    Aggregate,
    CharField,
    Count,
    F,
    Func,
    IntegerField,
    Lookup,
    Q,
    QuerySet,
    Transform,
    Value,
)

from cookbook.models import Visit, Voucher
from cookbook.recipes.schema import GROUP
from transactions.models import Transaction


class SameAddress(Lookup):
    """A lookup that compares two addresses and ignores their case."""

    lookup_name = "same_address"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        left, left_params = self.process_lhs(compiler, connection)
        right, right_params = self.process_rhs(compiler, connection)
        return f"LOWER({left}) = LOWER({right})", [*left_params, *right_params]


@GROUP.recipe(
    "Custom lookup: register_lookup()",
    asks="How do I write a custom lookup like __same_address?",
    shows=("custom lookup", "register_lookup", "Lookup", "as_sql"),
    notice="email__same_address compares LOWER() of both sides, the same expression as the index "
    "vouchers_email_lower, which the plan uses. iexact would not use it.",
    pitfall="as_sql must return the parameters of both sides, left first. And a lookup works "
    "where it is registered: here on one field; on models.EmailField, in AppConfig.ready(), it "
    "would work on all.",
    teaches_plan=True,
)
def vouchers_by_custom_lookup(email: str = "GUEST7@example.COM") -> QuerySet[Voucher, Any]:
    """Returns the vouchers of one address, ignoring case."""
    Voucher._meta.get_field("email").register_lookup(SameAddress)
    return (
        Voucher.objects.filter(email__same_address=email)
        .order_by("code")
        .values("code", "email", "worth", "left")
    )


class City(Transform):
    """The second part of a path: the city of pt/porto/017."""

    lookup_name = "city"
    template = "SPLIT_PART(%(expressions)s, '/', 2)"
    output_field = CharField()


@GROUP.recipe(
    "Transform: machine__city, computed from a path",
    asks="How do I write a transform, so that lookups can follow it?",
    shows=("Transform", "register_lookup", "bilateral", "custom transform", "lookup_name"),
    notice="After register_lookup(), F(), values() and order_by() know machine__city. In a filter "
    "the lookups of the transform's output_field can follow: machine__city__startswith='p' would "
    "send the same WHERE. Without a lookup, exact follows.",
    pitfall="The condition is on SPLIT_PART(…), so an index on the column does not help. With "
    "bilateral = True the value on the right is changed too, as for Unaccent.",
)
def visits_by_transform(city: str = "p") -> QuerySet[Visit, Any]:
    """Counts the visits in the cities that begin with a text."""
    Visit._meta.get_field("machine").register_lookup(City)
    return (
        Visit.objects.annotate(city=F("machine__city"))
        .filter(city__startswith=city)
        .values("city")
        .annotate(visits=Count("pk"))
        .order_by("city")
    )


class Bucket(Func):
    """The number of the bucket that contains a value: Bucket("amount", 0, 100, 5)."""

    function = "width_bucket"
    arity = 4
    output_field = IntegerField()


@GROUP.recipe(
    "Custom function: a subclass of Func",
    asks="How do I call a database function that Django has no class for?",
    shows=("custom function", "Func", "RawSQL", "width_bucket", "histogram"),
    notice="A class of four lines makes a Postgres function an expression, for annotate(), "
    "filter(), order_by() and indexes. The GROUP BY is on width_bucket(amount, 0, 100, 5); bucket "
    "6 has amounts of 100 or more.",
    pitfall="Without output_field Django takes the type of the arguments, and raises FieldError "
    "where they are mixed. A plain string among the arguments is a column's name; a text is "
    'Value("..."). RawSQL() takes any text instead; pass values as its params, '
    "because nothing quotes what is formatted into the text.",
)
def histogram_by_custom_function(
    upto: Decimal = Decimal(100), currency: str = "USD"
) -> QuerySet[Transaction, Any]:
    """Counts card payments in five buckets of equal width and one bucket for larger amounts."""
    return (
        Transaction.objects.filter(metadata__channel="card", type="withdrawal", currency=currency)
        .values(bucket=Bucket("amount", Value(0), Value(upto), Value(5)))
        .annotate(payments=Count("id"))
        .order_by("bucket")
    )


# Django 5.2 appends FILTER to a template; later versions put it at the template's marker.
PLACE_OF_FILTER = "%(filter)s" if "%(filter)s" in Aggregate.template else ""


class MostCommon(Aggregate):
    """An aggregate that returns the most frequent value."""

    name = "MostCommon"
    template = "mode() WITHIN GROUP (ORDER BY %(expressions)s)" + PLACE_OF_FILTER


@GROUP.recipe(
    "Custom aggregate: a subclass of Aggregate",
    asks="How do I write a custom aggregate?",
    shows=("custom aggregate", "Aggregate", "mode", "WITHIN GROUP", "filter"),
    notice="MostCommon is an Aggregate with its own template, mode() WITHIN GROUP (ORDER BY ...). "
    "The type is that of the column, and filter= works as in every aggregate: FILTER (WHERE ...). "
    'PLACE_OF_FILTER is "" on Django 5.2, which appends that itself, and "%(filter)s" from 6.0 '
    "on.",
    pitfall='Only function = "mode" would send mode(description), which Postgres refuses: an '
    "ordered-set aggregate takes its column in WITHIN GROUP. And if several values are equally "
    "frequent, mode() returns any of them.",
)
def usual_shop_by_custom_aggregate() -> QuerySet[Transaction, Any]:
    """Returns the most frequent shop of card payments by currency: for groceries, and for all."""
    return (
        Transaction.objects.filter(metadata__channel="card", type="withdrawal")
        .values("currency")
        .annotate(
            groceries=MostCommon("description", filter=Q(category="groceries")),
            anything=MostCommon("description"),
        )
        .order_by("currency")
    )
