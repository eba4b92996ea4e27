"""Deletes records of how people used the bank, such as sign-ins, after their retention period."""

from datetime import datetime
from typing import Any

from django.db import transaction as db_transaction
from django.db.models import QuerySet
from django.utils import timezone

from transactions.privacy.lifting import PART
from transactions.privacy.personal_data import REGISTERED

OVER = "The retention period has ended."


def apply_retention(now: datetime | None = None) -> dict[str, int]:
    """Deletes rows whose retention period has ended. Returns the number of deleted rows by kind."""
    now = now or timezone.now()
    deleted: dict[str, int] = {}
    for data in REGISTERED:
        deleted |= data.delete_old(now)
    return deleted


def delete_unlocked(old: QuerySet[Any]) -> int:
    """Deletes rows of a table to which pages also write. Returns the number of deleted rows.

    Deletes each part of the rows in a separate transaction, so that other sessions wait only for
    one part. Skips rows that another session has locked. The next run deletes these rows.
    """
    deleted: int = 0
    rows = old.model._default_manager
    while True:
        with db_transaction.atomic(durable=True):
            part = [row.pk for row in old.select_for_update(skip_locked=True).only("pk")[:PART]]
            deleted += rows.filter(pk__in=part).delete()[0]
        if len(part) < PART:
            return deleted
