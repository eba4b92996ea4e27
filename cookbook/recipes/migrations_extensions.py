"""Recipes about extensions: creating them, and fields, types and indexes that they add."""

from typing import Any

from django.contrib.postgres.fields import HStoreField
from django.contrib.postgres.indexes import BloomIndex, BTreeIndex
from django.contrib.postgres.operations import (
    BloomExtension,
    BtreeGinExtension,
    BtreeGistExtension,
    CITextExtension,
    CreateExtension,
    HStoreExtension,
    TrigramExtension,
    UnaccentExtension,
)
from django.db import DatabaseError, connection, models
from django.db.migrations import AddIndex, CreateModel
from django.db.migrations.state import ProjectState

from cookbook.recipes.databases import rows
from cookbook.recipes.migrations import GROUP, migrate, parcels
from cookbook.runner.steps import step


@GROUP.recipe(
    "CreateExtension: the first operation",
    asks="How do I create a Postgres extension in a migration?",
    shows=(
        "CreateExtension",
        "CREATE EXTENSION",
        "TrigramExtension",
        "UnaccentExtension",
        "BtreeGinExtension",
        "BtreeGistExtension",
        "trusted extension",
        "pg_available_extensions",
    ),
    notice="TrigramExtension() is CreateExtension('pg_trgm'), and there are such classes for "
    "bloom, btree_gin, btree_gist, citext, hstore and unaccent. Each looks for the extension first "
    "and sends CREATE EXTENSION only where it is missing, so the second migration sends no "
    "CREATE. An extension belongs to one database.",
    pitfall="The owner of a database may create only trusted extensions, such as pg_trgm; for the "
    "others, here pgstattuple, a superuser is necessary. The files must be on the server: Debian's "
    "package has all of contrib. Create the extension before the field or index that needs it.",
    own_database=True,
)
def extensions_by_create_extension() -> list[dict[str, Any]]:
    """Creates five extensions in a migration, twice. Returns who may create them."""
    operations = [
        *(TrigramExtension(), UnaccentExtension(), BtreeGinExtension(), BtreeGistExtension()),
        CreateExtension("pgstattuple"),
    ]
    for title in ("The first migration", "The second migration"):
        with step(title):
            migrate(ProjectState(), *operations)
    return rows(
        "SELECT name, version, trusted FROM pg_available_extension_versions"
        " WHERE installed AND name <> 'plpgsql' ORDER BY name"
    )


@GROUP.recipe(
    "HStoreField: keys with texts",
    asks="How do I store keys and values in an hstore column?",
    shows=(
        "HStoreField",
        "HStoreExtension",
        "hstore",
        "has_key",
        "has_keys",
        "has_any_keys",
        "contains",
        "keys",
    ),
    notice="An hstore is a flat dictionary of texts. contains is @>, has_key is ?, has_keys is ?&, "
    "and has_any_keys is ?|; a GIN or GiST index can answer these. details__weight is the text of "
    "one key, and details__keys is an array of the keys.",
    pitfall="Each value is a text or NULL: 900 comes back as '900', and details__weight__gt "
    "compares texts, so '900' is above '1000'. For numbers, lists and nested data use a "
    "JSONField, which needs no extension.",
    own_database=True,
)
def products_by_hstore_field() -> dict[str, Any]:
    """Creates three products with keys, and finds them by their keys and values."""
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("name", models.CharField(max_length=20, primary_key=True)),
        ("details", HStoreField(default=dict)),
    ]
    state = migrate(ProjectState(), HStoreExtension(), CreateModel("Product", fields))
    product: Any = state.apps.get_model("shop", "Product")
    product.objects.create(name="kettle", details={"colour": "red", "weight": 900})
    product.objects.create(name="cup", details={"colour": "red", "weight": 1000})
    product.objects.create(name="poster", details={"size": "A2"})
    names = product.objects.order_by("name").values_list("name", flat=True)
    found = {
        "contains": names.filter(details__contains={"colour": "red"}),
        "has_key": names.filter(details__has_key="size"),
        "has_keys": names.filter(details__has_keys=["colour", "weight"]),
        "has_any_keys": names.filter(details__has_any_keys=["size", "weight"]),
        "keys contain": names.filter(details__keys__contains=["colour"]),
        "weight > 1000": names.filter(details__weight__gt="1000"),
    }
    return {
        **{title: ", ".join(each) for title, each in found.items()},
        "read again": product.objects.get(name="kettle").details,
    }


class AnyCase:
    """Gives a field the type citext. Django 5.1 removed its fields of this type."""

    def db_type(self, connection: Any) -> str:
        return "citext"


class CITextField(AnyCase, models.TextField):  # type: ignore[type-arg]
    """A text field whose comparisons ignore case."""


class CICharField(AnyCase, models.CharField):  # type: ignore[type-arg]
    """A short text field whose comparisons ignore case."""


class CIEmailField(AnyCase, models.EmailField):  # type: ignore[type-arg]
    """An email field whose comparisons ignore case."""


@GROUP.recipe(
    "CITEXT: a type that ignores case",
    asks="How do I store an email that is unique and found in any case?",
    shows=(
        "CITEXT",
        "CITextField",
        "CITextExtension",
        "CICharField",
        "CIEmailField",
        "case-insensitive",
        "nondeterministic collation",
    ),
    notice="The comparison with = ignores the case, and so does the primary key: the second "
    "address is refused. The text itself keeps its case. Django 5.1 removed CITextField, "
    "CICharField and CIEmailField, and kept CITextExtension. A class with db_type() replaces each "
    "of them. citext has no length: max_length is checked by forms and full_clean() only.",
    pitfall="Django casts the column to text for startswith and contains, so these see the case, "
    "and the index of the column does not help. citext follows the locale of the database. The "
    "alternatives: Lower() in a UniqueConstraint, which needs no extension, or a "
    "nondeterministic collation where the server has ICU.",
    own_database=True,
)
def guests_by_citext() -> dict[str, Any]:
    """Stores an address, and compares it with other spellings."""
    fields: list[tuple[str, models.Field[Any, Any]]] = [
        ("email", CIEmailField(primary_key=True)),
        ("name", CICharField(max_length=40, default="Ana")),
        ("wishes", CITextField(default="No nuts")),
    ]
    state = migrate(ProjectState(), CITextExtension(), CreateModel("Guest", fields))
    guest: Any = state.apps.get_model("shop", "Guest")
    guest.objects.create(email="Ana@Example.com")
    with step("The same address"):
        try:
            guest.objects.create(email="ana@example.com")
        except DatabaseError as error:
            refused = str(error).splitlines()[0]
    with step("Lookups"):
        return {
            "again": refused,
            "exact": guest.objects.filter(email="ANA@EXAMPLE.COM").count(),
            "startswith": guest.objects.filter(email__startswith="ana").count(),
            "istartswith": guest.objects.filter(email__istartswith="ana").count(),
            "by name": guest.objects.filter(name="ANA", wishes="no nuts").count(),
            "stored": guest.objects.get().email,
        }


@GROUP.recipe(
    "BloomIndex: any combination of columns",
    asks="Which index serves equality on any combination of many columns?",
    shows=("BloomIndex", "BloomExtension", "Bloom index", "bloom filter", "signature"),
    notice="The index stores a signature of a few bits per column for each row, so one small index "
    "serves each combination of the four columns. The plan of the first query has a Bitmap Index "
    "Scan on parcel_bloom. Different values can have the same bits: Rows Removed by Index Recheck "
    "counts rows that the index found wrongly.",
    pitfall="It knows only =, not < or ORDER BY, so the second query reads the whole table. A scan "
    "always reads the whole index, so a B-tree on the right columns is faster for one "
    "combination. It works for integers and texts, cannot be unique, and needs the extension "
    "bloom, which only a superuser can create.",
    own_database=True,
    teaches_plan=True,
)
def parcels_by_bloom_index() -> dict[str, int]:
    """Counts parcels by two of four columns, in a table with one Bloom index."""
    names = ("shelf", "colour", "size", "sender")
    columns: list[tuple[str, models.Field[Any, Any]]] = [
        (name, models.IntegerField()) for name in names
    ]
    index = BloomIndex(fields=names, length=64, columns=[4, 4, 4, 4], name="parcel_bloom")
    key = ("id", models.BigAutoField(primary_key=True))
    create = CreateModel("Parcel", [key, *columns], {"indexes": [index]})
    with step("The table and its index"), connection.cursor() as cursor:
        state = migrate(ProjectState(), BloomExtension(), create)
        cursor.execute(
            "INSERT INTO shop_parcel (shelf, colour, size, sender)"
            " SELECT n %% 97, n %% 89, n %% 83, n %% 79 FROM generate_series(1, %s) AS n",
            [20_000],
        )
        cursor.execute("VACUUM (ANALYZE) shop_parcel")
    parcel: Any = state.apps.get_model("shop", "Parcel")
    with step("Two columns with ="):
        equal = parcel.objects.filter(colour=5, sender=7).count()
    with step("Two columns with <"):
        return {"equal": equal, "less": parcel.objects.filter(colour__lt=2, sender__lt=2).count()}


@GROUP.recipe(
    "BTreeIndex: fillfactor and equal values",
    asks="Which options does a B-tree index have, and what do they change?",
    shows=("BTreeIndex", "deduplicate_items", "fillfactor", "B-tree", "size of an index"),
    notice="Of 20,000 parcels only ten weights are different. A B-tree stores an equal value once, "
    "with a list of rows: the first index needs a third of the second, which has "
    "deduplicate_items=False. fillfactor=50 leaves half of each new page free, so the third index "
    "is larger than the first.",
    pitfall="The default is right for nearly every index: deduplication on and a fillfactor of 90. "
    "models.Index makes the same index; BTreeIndex only adds the two options. A lower fillfactor "
    "delays the split of pages where rows are inserted between others, and costs space and cache.",
    own_database=True,
)
def sizes_by_btree_index() -> list[dict[str, Any]]:
    """Creates three B-tree indexes on one column, and returns the size of each."""
    state = parcels()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO shop_parcel (code, grams)"
            " SELECT 'C' || n, n %% 10 FROM generate_series(1, %s) AS n",
            [20_000],
        )
    indexes = [
        BTreeIndex(fields=["grams"], name="grams_default"),
        BTreeIndex(fields=["grams"], name="grams_no_lists", deduplicate_items=False),
        BTreeIndex(fields=["grams"], name="grams_half_full", fillfactor=50),
    ]
    migrate(state, *(AddIndex("parcel", index) for index in indexes))
    return rows(
        "SELECT relname AS index, pg_relation_size(oid) / 8192 AS pages"
        " FROM pg_class WHERE relname LIKE 'grams%' ORDER BY oid"
    )
