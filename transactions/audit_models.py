"""What the audits found: `AuditRun`, a row for each of them."""

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q

from ledger.db.ids import uuid7
from ledger.db.triggers import stays


class AuditRun(models.Model):
    """One run of the audit: what was read, what was found, and who asked for it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    since = models.DateTimeField(null=True, db_comment="Only rows booked from then on; null: all")
    accounts = models.BigIntegerField()
    transactions = models.BigIntegerField(db_comment="How many rows were checked")
    findings = models.JSONField(default=list)
    run_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        db_table = "audit_runs"
        db_table_comment = "What each audit found; inserted once, never changed"
        default_permissions = ("view",)
        permissions = [("run_audit", "Can run the audit")]
        verbose_name = "audit run"
        verbose_name_plural = "audit and seals"
        ordering = ("-started_at",)
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "audit_run_stays", "audit_runs_stay", "What an audit found stays said."
        )
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="audit_run_times_rise",
                condition=Q(started_at__lte=F("finished_at")),
                violation_error_message="An audit ends after it begins.",
            ),
        ]

    def __str__(self) -> str:
        return f"audit of {self.started_at:%d %B %Y, %H:%M}"

    @property
    def is_clean(self) -> bool:
        return not self.findings

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def found(self) -> list[dict[str, Any]]:
        """The findings, as `transactions.audit_findings.Finding` has them."""
        return list(self.findings)
