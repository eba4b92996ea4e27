"""Changes many rows in parts, so that nobody waits for all of them."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.db import models
from django.db import transaction as db_transaction

from ledger.db.retry import run_with_retry

PART = 100  # rows that are locked together
M = TypeVar("M", bound=models.Model)


def change_in_parts(rows: models.QuerySet[M], change: Callable[[M], object]) -> int:
    """Calls `change` with each row, locked, and returns how many there were. Each part is committed
    before the next one begins, and stays so if an error ends the work: then call it again.
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
