"""Deletes records of use once their keeping time is over."""

from datetime import datetime
from typing import Any

from django.db import transaction as db_transaction
from django.db.models import QuerySet
from django.utils import timezone

from transactions.privacy.lifting import PART
from transactions.privacy.personal_data import REGISTERED

OVER = "The keeping time is over."


def apply_retention(now: datetime | None = None) -> dict[str, int]:
    """Deletes what is older than its keeping time. Returns how many rows, by what they are."""
    now = now or timezone.now()
    deleted: dict[str, int] = {}
    for data in REGISTERED:
        deleted |= data.delete_old(now)
    return deleted


def delete_unlocked(old: QuerySet[Any]) -> int:
    """Deletes rows of a table that pages write, each part in its own transaction, so that nobody
    waits for longer than a part takes. Leaves rows that somebody is using to the next run.
    """
    deleted: int = 0
    rows = old.model._default_manager
    while True:
        with db_transaction.atomic(durable=True):
            part = [row.pk for row in old.select_for_update(skip_locked=True).only("pk")[:PART]]
            deleted += rows.filter(pk__in=part).delete()[0]
        if len(part) < PART:
            return deleted
