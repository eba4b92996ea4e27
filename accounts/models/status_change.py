"""Changes of an account's status, with author and reason."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models import status_triggers
from accounts.models.account import Account
from accounts.models.user import User
from ledger.db.history.register import EMPTIED, registered
from ledger.db.ids import uuid7
from ledger.db.triggers import stays


class StatusChange(models.Model):
    """A freeze, unfreeze or closing of an account, with author, time and reason. A row never
    changes and is never deleted.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="status_changes")
    from_status = models.CharField(max_length=10)
    to_status = models.CharField(max_length=10)
    reason = models.CharField(max_length=500, db_comment="For colleagues; never shown to the owner")
    message = models.CharField(
        max_length=500, blank=True, default="", db_comment="What the owner reads"
    )
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "account_status_changes"
        ordering = ("-created_at",)
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            status_triggers.STATUS_CHANGE_CONTINUES,
            status_triggers.STATUS_FOLLOWS_CHANGES,
            status_triggers.STATUS_BY_ITS_AUTHOR,
            *registered(erased={"reason": EMPTIED, "message": EMPTIED}),
            *stays(
                "status_change_stays",
                "status_changes_stay",
                "A status change is never edited or deleted.",
                "Status changes are never edited or deleted.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status}: {self.reason}"
