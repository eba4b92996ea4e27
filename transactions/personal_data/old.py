"""Deletes rows in the tables of `accounts` and of `transactions.models` after their retention
period.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.db import transaction as db_transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.models import ApiToken, Read, SignIn, WebSession
from accounts.models.revisions import note_removal
from ledger.db.cache.redis import RedisOrTable
from ledger.db.cache.shared import SharedCache
from transactions.models import NamesAsked
from transactions.privacy.lifting import delete_in_parts, forget_attempts
from transactions.privacy.retention import OVER, delete_unlocked

# The limit is per day. A week of counts helps staff to answer questions about the limit.
NAMES_ASKED_DAYS = 7


def delete_old(now: datetime) -> dict[str, int]:
    """Deletes rows whose retention period has ended. Returns the number of deleted rows by kind."""
    old_sign_ins = now - timedelta(days=settings.LEDGER_KEEP_SIGN_INS_DAYS)
    old_counts = timezone.localdate(now) - timedelta(days=NAMES_ASKED_DAYS)
    old = {
        "sessions that are over": WebSession.objects.filter(expire_date__lt=now),
        "counts of compared names": NamesAsked.objects.filter(day__lt=old_counts),
    }
    deleted = {
        "sign-ins": _delete_sign_ins(old_sign_ins),
        **{what: delete_unlocked(rows) for what, rows in old.items()},
        "counts of attempts": forget_attempts(now),
        "access tokens": _delete_tokens(old_sign_ins),
    }
    cached = caches["default"]
    if isinstance(cached, SharedCache | RedisOrTable):
        deleted["cached values"] = cached.drop_expired()
    return deleted | {"reads of others' data": _delete_reads(now)}


def _delete_sign_ins(before: datetime) -> int:
    with db_transaction.atomic(durable=True):
        old = SignIn.objects.filter(at__lt=before).exclude(pk__in=_latest_sign_ins())
        deleted: int = old.delete()[0]
        if deleted:
            note_removal(SignIn, OVER, before=before)
    return deleted


def _latest_sign_ins() -> QuerySet[SignIn, Any]:
    """Returns the latest sign-in of each person. These rows are not deleted. If a person's only
    sign-in were deleted, the next sign-in would count as the first one, and the bank would not send
    a notice of a new device.
    """
    newest = SignIn.objects.succeeded().exclude(user=None).order_by("user", "-at", "-pk")
    return newest.distinct("user").values("pk")


def _delete_tokens(before: datetime) -> int:
    """Deletes access tokens that were revoked or expired before this time. Returns the number of
    deleted rows.
    """
    with db_transaction.atomic(durable=True):
        over = ApiToken.objects.filter(Q(revoked_at__lt=before) | Q(expires_at__lt=before))
        ids = list(over.values_list("pk", flat=True))
        note_removal(ApiToken, OVER, ids=ids)
        return ApiToken.objects.filter(pk__in=ids).delete()[0]


def _delete_reads(now: datetime) -> int:
    """Deletes old rows of the read log, and returns the number of deleted rows. Only the table
    owner and the worker may delete these rows.
    """
    before = now - timedelta(days=settings.LEDGER_KEEP_READ_LOG_DAYS)
    old = Read.objects.filter(read_at__lt=before)
    return delete_in_parts(old, lambda: note_removal(Read, OVER, before=before))
