"""Recipes about features of newer versions of Django and Postgres."""

from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Count, Func, QuerySet, UUIDField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import JSONArray

from accounts.models import Account
from cookbook.models import Voucher
from cookbook.recipes.schema import GROUP
from transactions.models import Transaction


@GROUP.recipe(
    "JSONArray: a row as an array (Django 5.2)",
    asks="How do I return columns as a JSON array?",
    shows=("newer Django", "JSONArray", "Django 5.2"),
    notice="JSON_ARRAY(... NULL ON NULL RETURNING JSONB) makes an array for each row, with its "
    "values in the given order. A limit that is not set is null in the array.",
    pitfall="An array has no names: its reader must know the order. JSONObject has names, and "
    "repeats them in every row.",
    django=(5, 2),
)
def accounts_as_json_arrays() -> QuerySet[Account, Any]:
    """Returns the accounts that have a limit, each with its limits as an array."""
    return (
        Account.objects.exclude(transfer_limit=None, daily_limit=None)
        .order_by("name")
        .values("name", limits=JSONArray("currency", "transfer_limit", "daily_limit"))
    )


@GROUP.recipe(
    "AnyValue and StringAgg (Django 6.0)",
    asks="How do I show a column next to a GROUP BY without grouping by it?",
    shows=("newer Django", "AnyValue", "StringAgg", "Django 6.0"),
    notice="any_value() takes one of the group's values, for a column that is the same in all of "
    "them. From Django 6.0 on, StringAgg works on all databases; its delimiter is an expression: "
    'Value(", ").',
    pitfall="any_value() is any value: if the column differs within the group, each run may "
    "return another. The StringAgg of django.contrib.postgres is deprecated.",
    django=(6, 0),
    postgres=160000,
)
def merchants_by_any_value() -> QuerySet[Transaction, Any]:
    """Returns the merchants that were paid most often, each with its city and category."""
    from django.db.models import AnyValue, StringAgg

    return (
        Transaction.objects.filter(metadata__merchant__has_key="city")
        .values(merchant=KT("metadata__merchant__name"))
        .annotate(
            payments=Count("id"),
            city=AnyValue(KT("metadata__merchant__city")),
            used_for=StringAgg("category", Value(", "), distinct=True),
        )
        .order_by("-payments", "merchant")[:6]
    )


@GROUP.recipe(
    "JSON_TABLE: JSON as rows (Postgres 17)",
    asks="How do I turn JSON into rows and columns in SQL?",
    shows=("newer Postgres", "JSON_TABLE", "Postgres 17", "raw SQL"),
    notice="JSON_TABLE gives each document typed columns, by jsonpath: below $.merchant, name "
    "and city are texts here, and kind is an integer, though mcc is a string in the JSON.",
    pitfall="A value that does not fit its type becomes NULL without an error; with ERROR ON "
    "ERROR it raises. On Postgres 16 it is a syntax error: use jsonb_to_record there.",
    postgres=170000,
)
def merchants_by_json_table(country: str = "PT") -> list[dict[str, Any]]:
    """Returns the merchants of one country with their code, and the total paid to each."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT merchant.name, merchant.city, merchant.kind, currency, sum(amount) AS paid
            FROM transactions, JSON_TABLE(
                metadata, '$.merchant' COLUMNS (
                    name text PATH '$.name',
                    city text PATH '$.city',
                    country text PATH '$.country',
                    kind integer PATH '$.mcc'
                )
            ) AS merchant
            WHERE merchant.country = %s
            GROUP BY 1, 2, 3, 4 ORDER BY paid DESC, 1 LIMIT 6
            """,
            [country],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


@GROUP.recipe(
    "MERGE: insert, update or delete (Postgres 17)",
    asks="How do I insert, update or delete in one statement and know which it was?",
    shows=("newer Postgres", "MERGE", "merge_action", "RETURNING", "upsert", "Postgres 17"),
    notice="One statement compares a list with the table and does what each row needs; since "
    "Postgres 17 RETURNING merge_action() returns it. ON CONFLICT cannot delete, and needs a "
    "unique index.",
    pitfall="Two sessions can both find a code missing and both insert it, because the index here "
    "is not unique. A unique constraint makes the second MERGE fail; INSERT … ON CONFLICT has no "
    "such error.",
    postgres=170000,
    writes=True,
)
def vouchers_by_merge() -> list[dict[str, Any]]:
    """Merges three vouchers into the table: one is updated, one inserted and one deleted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            MERGE INTO vouchers USING unnest(%s::text[], %s::numeric[]) AS listed (code, worth)
                ON vouchers.code = listed.code
            WHEN MATCHED AND listed.worth = 0 THEN DELETE
            WHEN MATCHED THEN UPDATE SET worth = listed.worth
            WHEN NOT MATCHED THEN INSERT (code, email, worth, sold_on)
                VALUES (listed.code, 'ana@example.com', listed.worth, '2026-06-30')
            RETURNING merge_action() AS did, vouchers.code, vouchers.worth
            """,
            [["GIFT-00001", "GIFT-00002", "GIFT-90000"], [Decimal(75), Decimal(0), Decimal(30)]],
        )
        columns = [column.name for column in cursor.description]
        return sorted(
            (dict(zip(columns, row, strict=True)) for row in cursor.fetchall()),
            key=lambda row: row["code"],
        )


@GROUP.recipe(
    "UPDATE … RETURNING old (Postgres 18)",
    asks="How do I get the old value back from an UPDATE?",
    shows=("newer Postgres", "RETURNING OLD NEW", "UPDATE RETURNING", "Postgres 18", "raw SQL"),
    notice="One RETURNING has old.spent and new.spent: no SELECT ... FOR UPDATE before the UPDATE "
    "is needed.",
    pitfall="Before 18, RETURNING returns only the new row; the old one needs a SELECT ... FOR "
    "UPDATE before it, or a join of the table with itself, which under load may return a value "
    "that somebody else has changed since.",
    postgres=180000,
    writes=True,
)
def spent_old_and_new(code: str = "GIFT-00001", amount: Decimal = Decimal(5)) -> list[Any]:
    """Spends a part of a voucher, and returns the spent amount before and after."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE vouchers SET spent = spent + %s WHERE code = %s
            RETURNING old.code, old.spent AS before, new.spent AS after, new."left"
            """,
            [amount, code],
        )
        columns = [column.name for column in cursor.description]
        return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]


class UUIDv7(Func):
    """A new id. These ids sort by the time of their creation."""

    function = "uuidv7"
    arity = 0
    output_field = UUIDField()


@GROUP.recipe(
    "uuidv7(): ids in time order (Postgres 18)",
    asks="How do I get UUIDs that do not scatter over an index?",
    shows=("newer Postgres", "uuidv7", "UUIDv7", "Postgres 18", "custom function"),
    notice="uuidv7() begins with the time, so the rows of a day are together in the index. In one "
    "session, each id is above the one before it; ids of parallel sessions can be out of order. A "
    "primary key has it as db_default=UUIDv7(). Django 6.1 has a class UUID7.",
    pitfall="Everybody who sees such an id sees when it was made, to the millisecond. If that is "
    "a secret, use uuid4 for ids that leave the system.",
    postgres=180000,
)
def ids_by_uuidv7() -> dict[str, Any]:
    """Creates five ids, and returns whether they have version 7 and are in order."""
    ids = list(Voucher.objects.values_list(UUIDv7(), flat=True)[:5])
    return {
        "how many": len(set(ids)),
        "of version 7": all(made.version == 7 for made in ids),
        "in order": ids == sorted(ids),
    }
