"""Posted items as rows: the SQL that writes them, and the look-up by id."""

import json
import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NoReturn

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Sum
from django.db.models.base import ModelState

from transactions.models import Transaction
from transactions.posting.drafts import PreparedDraft

COPY_FROM = 20  # rows from which COPY beats one INSERT
BLOCK = 500  # rows sent at a time
NULL = r"\N"  # as COPY writes it

COLUMNS = (  # in the order of the model's fields, see `as_transaction`
    "id from_account_id to_account_id amount currency type status description reference "
    "metadata created_at value_date from_balance to_balance captures_id reverses_id "
    "expires_at created_by_id"
).split()
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


def write(items: Iterable[PreparedDraft], at_most: int) -> None:
    """Inserts the rows; the database moves the accounts, see Note [Balances follow rows].

    `items` may be worked out while it is read: from `COPY_FROM` rows on, the database stores
    the first ones meanwhile. IdTaken, IntegrityError and DataError escape.
    """
    if at_most < COPY_FROM:
        _insert(list(items))
    else:
        _copy(items)


def end_holds(ids: Sequence[uuid.UUID], status: Transaction.Status) -> None:
    """Turns pending holds into captured or voided ones, the only update that rows know."""
    Transaction.objects.filter(pk__in=ids, status="pending").update(status=status)


def _insert(items: Sequence[PreparedDraft]) -> None:
    """One INSERT of few rows. An id that is taken leaves its row out, and so is noticed."""
    if not items:
        return
    values = ", ".join([ROW] * len(items))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO transactions ({COLUMN_LIST}) VALUES {values} "  # noqa: S608
            "ON CONFLICT (id) DO NOTHING",
            [value for item in items for value in _values(item)],
        )
        if cursor.rowcount != len(items):
            raise IdTaken


def _copy(items: Iterable[PreparedDraft]) -> None:
    """COPY in text format. Psycopg's own errors are turned into Django's."""
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(f"COPY transactions ({COLUMN_LIST}) FROM STDIN") as copy,
        connection.execute_wrapper(_no_question),
    ):
        lines = map(_line, items)
        while block := "".join(islice(lines, BLOCK)):
            copy.write(block)


def _no_question(*_: Any) -> NoReturn:
    """A query would wait for the end of the COPY, which waits for the query, for ever."""
    raise RuntimeError("While rows are being streamed, the database cannot be asked.")


def _values(item: PreparedDraft) -> tuple[Any, ...]:
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


def _line(item: PreparedDraft) -> str:
    """The row as COPY reads it. Text may hold anything; the rest was made exact before and
    holds no character that COPY would read as more than itself.

    Spelled out, and ids without hyphens: it is a third of what Python does for a row.
    """
    sender, recipient = item.from_id, item.to_id
    from_balance, to_balance = item.from_balance, item.to_balance
    hold, original, author = item.captures_id, item.reverses_id, item.created_by_id
    expiry = item.expires_at
    return (
        f"{item.id.hex}\t"
        f"{NULL if sender is None else sender.hex}\t"
        f"{NULL if recipient is None else recipient.hex}\t"
        f"{item.amount!s}\t{item.currency}\t{item.type}\t{item.status}\t"
        f"{_escaped(item.description)}\t{_escaped(item.reference)}\t"
        f"{_escaped(item.metadata_text)}\t"
        f"{item.booked_at!s}\t{item.booked_value_date!s}\t"
        f"{NULL if from_balance is None else from_balance!s}\t"
        f"{NULL if to_balance is None else to_balance!s}\t"
        f"{NULL if hold is None else hold.hex}\t"
        f"{NULL if original is None else original.hex}\t"
        f"{NULL if expiry is None else expiry!s}\t"
        f"{NULL if author is None else author.hex}\n"
    )


def _escaped(text: str) -> str:
    """Text without what COPY gives a meaning; most has none of it."""
    return text if text.isprintable() and "\\" not in text else text.translate(ESCAPES)


def as_transaction(item: PreparedDraft) -> Transaction:
    """The posted row as an instance, without reading it back.

    The generated columns stay in the database until somebody asks for them. Filled as
    `Model.from_db` fills it, in a fifth of its time: no signal of Django's is sent for it.
    """
    row = Transaction.__new__(Transaction)
    row._state = state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    columns, text = row.__dict__, item.metadata_text
    columns.update(zip(COLUMNS, _values(item)))  # noqa: B905 - checked once, above
    columns["metadata"] = {} if text == "{}" else json.loads(text)
    return row
