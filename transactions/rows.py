"""Posted items as rows: the SQL that writes them, and the look-up by id."""

import json
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import Sum

from transactions.drafts import Item
from transactions.models import Transaction

COPY_FROM = 20  # rows from which COPY beats one INSERT

COLUMNS = (  # in the order of the model's fields, see `as_transaction`
    "id from_account_id to_account_id amount currency type status description reference "
    "metadata created_at value_date from_balance to_balance captures_id reverses_id "
    "expires_at created_by_id"
).split()
METADATA = COLUMNS.index("metadata")
COLUMN_LIST = ", ".join(COLUMNS)
ROW = "(" + ", ".join(["%s"] * len(COLUMNS)) + ")"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class IdTaken(Exception):
    """A row with the id of one of the items is in the books already; nothing was written."""


def find(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Transaction]:
    """The rows that are in the books under these ids."""
    return Transaction.objects.in_bulk(ids) if ids else {}


def reversed_sums(ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Decimal]:
    """How much of each original is reversed already."""
    originals = [id for id in ids if id is not None]
    if not originals:
        return {}
    reversals = Transaction.objects.filter(reverses__in=originals).values("reverses")
    sums = reversals.annotate(sum=Sum("amount")).values_list("reverses", "sum")
    return {original: total for original, total in sums if original and total}


def write(items: Sequence[Item]) -> None:
    """Inserts the rows; the database moves the accounts, see Note [Balances follow rows].

    IdTaken, IntegrityError and DataError escape.
    """
    if len(items) < COPY_FROM:
        _insert(items)
    else:
        _copy(items)


def end_holds(ids: Sequence[uuid.UUID], status: Transaction.Status) -> None:
    """Turns pending holds into captured or voided ones, the only update that rows know."""
    Transaction.objects.filter(pk__in=ids, status="pending").update(status=status)


def _insert(items: Sequence[Item]) -> None:
    values = ", ".join([ROW] * len(items))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO transactions ({COLUMN_LIST}) VALUES {values} "  # noqa: S608
            "ON CONFLICT (id) DO NOTHING",
            [value for item in items for value in _values(item)],
        )
        if cursor.rowcount != len(items):
            raise IdTaken


def _copy(items: Sequence[Item]) -> None:
    """COPY in text format. Psycopg's own errors are turned into Django's."""
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY transactions ({COLUMN_LIST}) FROM STDIN") as copy,
    ):
        for start in range(0, len(items), 1000):
            lines = [_line(item) for item in items[start : start + 1000]]
            copy.write("".join(lines))


def _values(item: Item) -> tuple[Any, ...]:
    return (
        item.id,
        item.from_id,
        item.to_id,
        item.amount,
        item.currency,
        item.type,
        item.status,
        item.description,
        item.reference,
        item.metadata_text,
        item.booked_at,
        item.booked_value_date,
        item.from_balance,
        item.to_balance,
        item.captures_id,
        item.reverses_id,
        item.expires_at,
        item.created_by_id,
    )


def _line(item: Item) -> str:
    values = [r"\N" if value is None else str(value).translate(ESCAPES) for value in _values(item)]
    return "\t".join(values) + "\n"


def as_transaction(item: Item) -> Transaction:
    """The posted row as an instance, without reading it back.

    The generated columns stay in the database until somebody asks for them.
    """
    values = list(_values(item))
    values[METADATA] = json.loads(item.metadata_text)
    return Transaction.from_db(connection.alias, COLUMNS, values)
