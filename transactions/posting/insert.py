"""Writes posted rows by INSERT or COPY, and looks up rows by id."""

import uuid
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, NoReturn

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Sum
from django.db.models.base import ModelState

from ledger.db.json_numbers import loads
from ledger.db.rights.row_security import rows_are_secured
from transactions.models import Transaction
from transactions.posting.drafts import PreparedDraft

COPY_FROM = 20  # COPY is faster than INSERT for this many rows or more
BLOCK = 500  # number of rows that are sent to the database together
NULL = r"\N"  # in COPY's text format

COLUMNS = (  # in the order of the model's fields, see `as_transaction`
    "id from_account_id to_account_id amount currency type status description reference "
    "metadata created_at value_date from_balance to_balance captures_id reverses_id "
    "expires_at created_by_id"
).split()
COLUMN_LIST = ", ".join(COLUMNS)
ROW = "(" + ", ".join(["%s"] * len(COLUMNS)) + ")"
ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class IdTaken(Exception):
    """One of the ids belongs to a posted row. No row of the batch was written."""


def find(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Transaction]:
    """Returns the posted rows with these ids as a dict by id. Ids without a row are left out."""
    return Transaction.objects.in_bulk(ids) if ids else {}


def reversed_sums(ids: Iterable[uuid.UUID | None]) -> dict[uuid.UUID, Decimal]:
    """Returns the sum of all reversals of each transaction, as a dict by the transaction's id.
    Transactions without a reversal are left out.
    """
    originals = [id for id in ids if id is not None]
    if not originals:
        return {}
    reversals = Transaction.objects.filter(reverses__in=originals).values("reverses")
    sums = reversals.annotate(sum=Sum("amount")).values_list("reverses", "sum")
    return {original: total for original, total in sums if original and total}


def write(items: Iterable[PreparedDraft], at_most: int) -> None:
    """Inserts a row for each draft. Triggers then change the balances, see Note [Balances follow
    rows]. Raises IdTaken, IntegrityError or DataError.

    `at_most` is the maximum number of drafts. If it is `COPY_FROM` or more, uses COPY. `items` may
    be a generator. With COPY, the database then stores rows while Python prepares the next rows.
    """
    if rows_are_secured():
        rest = iter(items)
        while part := list(islice(rest, BLOCK)):  # COPY does not work for tables with row policies
            _insert(part)
    elif at_most < COPY_FROM:
        _insert(list(items))
    else:
        _copy(items)


def table(*, is_secured: bool) -> str:
    """Returns the name of the table into which rows are inserted. With row-level security, the name
    `transactions` refers to a view that hides balances (`transactions.row_security.masks`).
    """
    return "public.transactions" if is_secured else "transactions"


def end_holds(ids: Sequence[uuid.UUID], status: Transaction.Status) -> None:
    """Sets the final status of pending holds, usually "voided". Only a trigger sets "captured"
    (`balance_triggers`).
    """
    Transaction.objects.filter(pk__in=ids, status="pending").update(status=status)


def _insert(items: Sequence[PreparedDraft]) -> None:
    """Inserts a few rows with one SQL statement. Raises IdTaken if one of the ids exists."""
    if not items:
        return
    values = ", ".join([ROW] * len(items))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table(is_secured=rows_are_secured())} ({COLUMN_LIST}) VALUES {values} "  # noqa: S608
            "ON CONFLICT (id) DO NOTHING",
            [value for item in items for value in _values(item)],
        )
        if cursor.rowcount != len(items):
            raise IdTaken


def _copy(items: Iterable[PreparedDraft]) -> None:
    """Writes the rows with COPY in text format. Raises Django's database errors."""
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
    """Refuses queries during a COPY. The query and the COPY would wait for each other forever."""
    raise RuntimeError("No query can be sent while COPY streams the rows.")


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
    """Returns the row in COPY's text format. Only texts are escaped, because all other values are
    validated.

    This function takes a third of the Python time per row. For speed, the code names each field,
    and writes ids without hyphens.
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
    """Escapes the characters that are special in COPY's text format."""
    return text if text.isprintable() and "\\" not in text else text.translate(ESCAPES)


def as_transaction(item: PreparedDraft) -> Transaction:
    """Returns the posted row as an instance, without a query.

    Note [Instances of posted rows]: the instance is created without `__init__` and its signals,
    because they would take most of the time. With `Transaction(**values)`, 10,000 drafts reach 0.57
    of COPY's speed instead of 0.69 (`make bench`, November 2026, two shared cores). Generated
    columns are read from the database when they are used.
    """
    row = Transaction.__new__(Transaction)
    row._state = state = ModelState()
    state.adding, state.db = False, DEFAULT_DB_ALIAS
    columns, text = row.__dict__, item.metadata_text
    columns.update(zip(COLUMNS, _values(item)))  # noqa: B905 - always of the same length
    columns["metadata"] = {} if text == "{}" else loads(text)
    return row
