"""Changes of an account's limits, with author and reason."""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models import limit_triggers
from accounts.models.account import Account
from accounts.models.fields import MoneyField
from accounts.models.user import User
from ledger.db.ids import uuid7


class LimitChange(models.Model):
    """New limits of an account, with author, time and reason. Inserting a row sets the limits. Rows
    never change.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="limit_changes")
    overdraft_limit_before = MoneyField(null=True, db_comment="Filled in by a trigger")
    transfer_limit_before = MoneyField(null=True)
    daily_limit_before = MoneyField(null=True)
    overdraft_limit = MoneyField()
    transfer_limit = MoneyField(null=True)
    daily_limit = MoneyField(null=True)
    reason = models.CharField(max_length=500, blank=True, default="")
    changed_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "limit_changes"
        db_table_comment = "Who changed an account's limits, and why; each row sets them"
        default_permissions = ("view",)
        ordering = ("-created_at",)
        triggers: ClassVar[list[pgtrigger.Trigger]] = limit_triggers.ALL

    def __str__(self) -> str:
        return f"Limits of {self.account}"
