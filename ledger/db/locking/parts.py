"""Changes many rows in several short transactions, so that other sessions do not wait for long."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.db import models
from django.db import transaction as db_transaction

from ledger.db.retry import run_with_retry

PART = 100  # number of rows that are locked at the same time
M = TypeVar("M", bound=models.Model)


def change_in_parts(rows: models.QuerySet[M], change: Callable[[M], object]) -> int:
    """Locks each row, calls `change` with the row, and returns the number of rows. Commits after
    every PART rows. After an error, the committed rows stay changed, and the function can be called
    again.
    """
    count, rest = 0, rows.order_by("pk")
    while part := run_with_retry(partial(_change_part, rest, change)):
        count, rest = count + len(part), rest.filter(pk__gt=part[-1].pk)
    return count


def _change_part(rest: models.QuerySet[M], change: Callable[[M], object]) -> list[M]:
    with db_transaction.atomic(durable=True):
        part = list(rest.select_for_update(no_key=True)[:PART])
        for row in part:
            change(row)
    return part
