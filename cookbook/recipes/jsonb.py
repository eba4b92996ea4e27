"""Recipes about JSONField: documents inside rows, and an index for these documents."""

from typing import Annotated, Any, Literal

from django.db.models import BooleanField, CharField, Count, F, Func, JSONField, QuerySet, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, JSONObject

from cookbook.models import Voucher
from cookbook.recipe import RecipeGroup
from cookbook.runner.parameters import Between
from cookbook.runner.steps import step
from transactions.models import Transaction

GROUP = RecipeGroup("jsonb", "JSONB", "JSON documents inside rows, and the index for them.")


@GROUP.recipe(
    "JSONField key: filter by one key",
    asks="How do I filter on a key inside a JSONField?",
    shows=("key", "JSONField", "key transform", "numbers in JSON"),
    notice="The key becomes (metadata -> 'covers') and is compared with the number as jsonb, so "
    "numbers compare as numbers: 9 is not above 70. Rows without the key give NULL and are left "
    "out.",
    pitfall='A number stored as a string, like the rate "2.40", is never above a number, and '
    "there is no error: jsonb sorts every string below every number.",
)
def busiest_days_by_key(at_least: int = 70) -> QuerySet[Transaction, Any]:
    """Returns the days on which restaurants had the most guests (covers in the metadata)."""
    return (
        Transaction.objects.filter(metadata__covers__gte=at_least)
        .order_by("-metadata__covers", "-amount")
        .values("value_date", "to_account__name", "amount", covers=F("metadata__covers"))[:8]
    )


@GROUP.recipe(
    "JSONField path: filter by a nested key",
    asks="How do I filter on a nested key of a JSONField?",
    shows=("nested key", "JSONField", "path of keys", "#>"),
    notice="Two more underscores lead one level deeper. The SQL is metadata #> "
    "'{merchant,country}' = '\"PT\"': a path, and a value that is JSON and therefore has quotes.",
    pitfall="A misspelt key is no error: Django does not know which keys exist. "
    "metadata__merchnt finds no row, while a misspelt column raises FieldError.",
)
def card_payments_in_country_by_nested_key(country: str = "PT") -> QuerySet[Transaction, Any]:
    """Returns the five largest card payments in one country."""
    return (
        Transaction.objects.filter(metadata__merchant__country=country)
        .order_by("-amount", "created_at")
        .values("value_date", "description", "amount", "currency", "category")[:5]
    )


@GROUP.recipe(
    "KT(): group by the text of a JSON key",
    asks="How do I group by a JSON key, or get its text without the quotes?",
    shows=(
        "KT",
        "KeyTextTransform",
        "KeyTransform",
        "->>",
        "->",
        "#>>",
        "group by a JSON key",
        "values",
    ),
    notice="F() takes the value with -> or #> as jsonb; KT() with ->> or #>> as text. Python "
    "gets the same string, because Django decodes the jsonb, but only the text can be compared, "
    "sliced and indexed as text.",
    pitfall="KT() returns text even for a number: ordered by it, 100 comes before 90. Cast it, "
    "or order by F().",
)
def payments_by_city(most: int = 5) -> QuerySet[Transaction, Any]:
    """Returns the cities with the most card payments."""
    return (
        Transaction.objects.filter(metadata__channel="card", type="withdrawal")
        .values(city=KT("metadata__merchant__city"))
        .annotate(payments=Count("id"))
        .order_by("-payments")[:most]
    )


@GROUP.recipe(
    "JSONField contains (@>): uses the GIN index",
    asks="How do I find rows whose JSON contains these keys and values?",
    shows=("contains", "containment", "@>", "GIN used", "jsonb_path_ops"),
    notice='metadata @> {...} can use GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"]): '
    "the plan has a Bitmap Index Scan on transactions_metadata. The row's document may have more "
    "keys, at every level.",
    pitfall="On a JSONField contains is @>; on a CharField the same lookup is LIKE '%...%'. And "
    "an index with jsonb_path_ops, small and fast, works for @> and jsonpath only, not for "
    "has_key.",
    teaches_plan=True,
)
def payments_to_merchant_contains(merchant: str = "Book Nook") -> QuerySet[Transaction, Any]:
    """Returns the largest card payments to one shop."""
    return (
        Transaction.objects.filter(
            metadata__contains={"channel": "card", "merchant": {"name": merchant}}
        )
        .order_by("-amount", "created_at")
        .values("value_date", "description", "amount", "currency")[:8]
    )


@GROUP.recipe(
    "GinIndex: used and not used",
    asks="Why does Postgres not use the GIN index on my JSONField?",
    shows=("GIN used", "GIN not used", "contains", "key", "GinIndex", "plan"),
    notice="Both count the same rows. By key, the condition is = on (metadata #> ...), which no "
    "GIN index supports: a Seq Scan reads all 10,000 rows. With contains, a Bitmap Index Scan on "
    "transactions_metadata reads only the matching rows.",
    pitfall="The lookup by key is easier to read and right in every test with ten rows; with a "
    "million rows it is slow. Use contains, or filter by KT() with an index on the same "
    "expression.",
    teaches_plan=True,
)
def same_rows_with_and_without_gin(merchant: str = "Gaivota Air") -> dict[str, int]:
    """Counts one merchant's payments by its key and by containment."""
    with step("by its key: GIN not used"):
        by_key = Transaction.objects.filter(metadata__merchant__name=merchant).count()
    with step("by containment: GIN used"):
        contained = Transaction.objects.filter(
            metadata__contains={"merchant": {"name": merchant}}
        ).count()
    return {"by its key": by_key, "by containment": contained}


@GROUP.recipe(
    "JSONField contained_by (<@): no other keys",
    asks="How do I find rows whose JSON is contained by another document?",
    shows=("contained_by", "containment", "<@"),
    notice="metadata <@ {...} is true if each key of the row is in the document with the same "
    "value, or with a list or document that contains the row's. A row with any other key is left "
    "out.",
    pitfall="An empty document is contained in every other, so rows with {} are found too. No "
    "GIN index on jsonb supports <@ (one on an array does): the plan is a Seq Scan.",
)
def plain_savings_contained_by() -> dict[str, int]:
    """Counts the payments with at least these metadata values, and with only these."""
    plain = {"channel": "transfer", "category": "savings"}
    return {
        "contains": Transaction.objects.filter(metadata__contains=plain).count(),
        "contained_by": Transaction.objects.filter(metadata__contained_by=plain).count(),
    }


@GROUP.recipe(
    "has_key, has_keys, has_any_keys",
    asks="How do I find rows that have a certain key in their JSON?",
    shows=("has_key", "has_keys", "has_any_keys", "key exists"),
    notice="The operators are ?, ?& and ?|. has_key checks only that the key exists; its value "
    "may be anything, also null. For a nested key Django checks inside the path: "
    "metadata__merchant__has_key looks for keys of merchant.",
    pitfall='They check the top level only: has_key="mcc" finds nothing, because mcc is in '
    "merchant. And the index here, jsonb_path_ops, does not support them, so each plan is a Seq "
    "Scan. The default, jsonb_ops, supports them.",
)
def rows_with_keys() -> dict[str, int]:
    """Counts the transactions whose metadata has certain keys."""
    found = Transaction.objects
    return {
        "has_key exchange": found.filter(metadata__has_key="exchange").count(),
        "has_keys atm, card": found.filter(metadata__has_keys=["atm", "card"]).count(),
        "has_any_keys rate, exchange": found.filter(
            metadata__has_any_keys=["rate", "exchange"]
        ).count(),
        "has_key mcc, in merchant": found.filter(metadata__merchant__has_key="mcc").count(),
        "has_key mcc, at the top": found.filter(metadata__has_key="mcc").count(),
    }


class PathExists(Func):
    """A condition that is true if a jsonpath finds anything in a document."""

    template = "(%(expressions)s)"
    arg_joiner = " @? "
    output_field = BooleanField()


@GROUP.recipe(
    "jsonpath (@?): filter by a path expression",
    asks="How do I filter JSON with a jsonpath expression?",
    shows=("path", "jsonpath", "@?", "Func", "custom operator", "GIN used"),
    notice="The path selects part of the document and tests it: ? (@ >= 73) keeps values of at "
    'least 73. Try $.merchant.name ? (@ == "Book Nook"): an equality in a path uses the GIN '
    "index, a comparison is a Seq Scan.",
    pitfall="A path is a program: one of 200 characters can run for hours, and Postgres cannot "
    "stop all of them. Offer users a choice, as here, and pass it as a parameter. "
    "jsonb_path_exists() does the same as @?, but a function never uses an index.",
    teaches_plan=True,
)
def rows_by_jsonpath(
    path: Literal[
        "$.covers ? (@ >= 73)",
        '$.merchant.name ? (@ == "Book Nook")',
        '$.merchant ? (@.country == "PT" && @.city starts with "L")',
        '$.** ? (@ like_regex "nook$" flag "i")',
    ] = "$.covers ? (@ >= 73)",
) -> QuerySet[Transaction, Any]:
    """Returns the payments whose metadata matches a path."""
    return (
        Transaction.objects.filter(PathExists("metadata", Value(path)))
        .order_by("-amount", "created_at")
        .values("value_date", "description", "amount", "currency")[:8]
    )


@GROUP.recipe(
    "JSONObject: build JSON in the database",
    asks="How do I build JSON in the database, ready for an API?",
    shows=("JSONObject", "KT", "build JSON", "values_list flat"),
    notice="JSON_OBJECT builds one document for each row, with a document inside it. A field of "
    "the related account needs a JOIN, as in any other expression.",
    pitfall="In JSON an amount is a number: Django reads it as a float, while the column gives a "
    "Decimal. Cast money to text first, as here.",
)
def payments_as_documents(most: Annotated[int, Between(1, 20)] = 3) -> list[Any]:
    """Returns the largest card payments, each as a JSON document."""
    return list(
        Transaction.objects.filter(metadata__channel="card", currency="USD", type="withdrawal")
        .order_by("-amount", "created_at")
        .values_list(
            JSONObject(
                paid=JSONObject(amount=Cast("amount", CharField()), currency="currency"),
                merchant=KT("metadata__merchant__name"),
                by="from_account__user__name",
            ),
            flat=True,
        )[:most]
    )


class JSONSet(Func):
    """A document in which the value at one path is replaced or added."""

    function = "jsonb_set"
    output_field = JSONField()


class Merge(Func):
    """Two documents as one. If both have a key, the value of the second document is used."""

    template = "(%(expressions)s)"
    arg_joiner = " || "
    output_field = JSONField()


@GROUP.recipe(
    "jsonb_set: update one JSON key in place",
    asks="How do I update one key of a JSONField without loading the row?",
    shows=("update in place", "jsonb_set", "||", "Func", "update without loading"),
    notice="jsonb_set changes one path and keeps the rest. || merges two documents at the top "
    "level only: a card in the second one would replace the whole card. Each change is one UPDATE; "
    "the SELECTs only show the result.",
    pitfall="Loading the row, changing the dict and saving it writes the whole document back and "
    "undoes what others changed since. Transactions cannot even be updated: a posted row is "
    "final, and a trigger refuses it.",
    writes=True,
)
def gold_card_in_place(colour: str = "red") -> dict[str, Any]:
    """Changes the design of one voucher twice, and returns all three versions."""
    voucher = Voucher.objects.filter(code="GIFT-00042")
    designs = voucher.values_list("design", flat=True)
    before = designs.get()
    voucher.update(design=JSONSet("design", Value("{card,gold}"), Value(True, JSONField())))
    gold = designs.get()
    voucher.update(design=Merge("design", Value({"colour": colour}, JSONField())))
    return {"before": before, "after jsonb_set": gold, "after ||": designs.get()}
