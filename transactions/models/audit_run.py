"""`AuditRun`, the model of a stored audit."""

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.lookups import Exact

from accounts.models import EARLIEST, LATEST
from ledger.db.history.register import registered
from ledger.db.ids import uuid7
from ledger.db.json_numbers import ReadableJSONField
from ledger.db.triggers import FirmTrigger, refuse, stays
from ledger.text.dates import long_moment

# Note [Order of the audits]: pages show the latest audit. An audit with a time in the future would
# hide all audits before that time. So a run is stored when it ends, with the time of the database.
# Clocks may differ by five minutes. A time further in the future is replaced by the current time.
AUDIT_RUN_IS_OF_NOW = FirmTrigger(
    name="audit_run_is_of_now",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    declare=[
        ("here", "timestamptz := clock_timestamp()"),
        ("slack", "interval := interval '5 minutes'"),
    ],
    func=f"""
        IF NEW.started_at > here + slack
           OR NEW.finished_at NOT BETWEEN here - slack AND here + slack
        THEN
            {refuse("audit_run_is_of_now", "An audit is stored when it ends, not before or after.")}
        END IF;
        NEW.started_at := least(NEW.started_at, here);
        NEW.finished_at := least(NEW.finished_at, here);
        RETURN NEW;
    """,
)

# Keys of a finding. TEXTS are strings, IDS are ids or null, NUMBERS are numbers or null. Older runs
# do not have the numbers.
TEXTS, IDS, NUMBERS = ("check", "expected", "found"), ("account", "transaction"), ("broken", "seal")


def _is_finding(found: dict[str, Any]) -> bool:
    are_texts = bool(found.get("check")) and all(isinstance(found.get(it), str) for it in TEXTS)
    are_numbers = all(isinstance(found.get(it), int | None) for it in NUMBERS)
    return are_texts and are_numbers and all(_is_id(found.get(it, "")) for it in IDS)


def _is_id(value: object) -> bool:
    try:
        return value is None or bool(uuid.UUID(value if isinstance(value, str) else ""))
    except ValueError:
        return False


class FindingsField(ReadableJSONField):
    """A field for a list of findings. Any other stored value is returned as a list with one
    finding, which reports an unreadable value.
    """

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        found = super().from_db_value(value, expression, connection)
        return found if isinstance(found, list) else ["unreadable"]


class AuditRunManager(models.Manager["AuditRun"]):
    def get_queryset(self) -> models.QuerySet["AuditRun"]:
        """Excludes forged runs without a start time. Postgres would sort the NULL of such a run as
        the newest time, and pages would fail.
        """
        return super().get_queryset().filter(started_at__gte=EARLIEST)


class AuditRun(models.Model):
    """A run of the audit: its period, the numbers of checked rows, its findings, and the person who
    started it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    since = models.DateTimeField(null=True, db_comment="Only rows booked from then on; null: all")
    accounts = models.BigIntegerField()
    transactions = models.BigIntegerField(db_comment="How many rows were checked")
    findings = FindingsField(default=list)
    run_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    objects = AuditRunManager()

    class Meta:
        db_table = "audit_runs"
        db_table_comment = "What each audit found; inserted once, never changed"
        default_permissions = ("view",)
        permissions = [("run_audit", "Can run the audit")]
        verbose_name = "audit run"
        verbose_name_plural = "audit and seals"
        ordering = ("-started_at", "-id")
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            AUDIT_RUN_IS_OF_NOW,
            *registered(),
            *stays("audit_run_stays", "audit_runs_stay", "The findings of an audit never change."),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="audit_run_readable",
                condition=Q(started_at__gte=EARLIEST)
                & (Q(since__isnull=True) | Q(since__gte=EARLIEST, since__lt=LATEST))
                & Q(
                    Exact(
                        Func("findings", function="jsonb_typeof", output_field=models.TextField()),
                        Value("array"),
                    )
                ),
                violation_error_message="An audit has finite times and a list of findings.",
            ),
            models.CheckConstraint(
                name="audit_run_times_rise",
                condition=Q(started_at__lte=F("finished_at")),
                violation_error_message="An audit ends after it begins.",
            ),
        ]

    def __str__(self) -> str:
        return f"audit of {long_moment(self.started_at)}"

    @property
    def is_clean(self) -> bool:
        return not self.findings

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def found(self) -> list[dict[str, Any]]:
        """The valid findings, with the fields of `transactions.audit.findings.Finding`. Other items
        of the list are left out, because a role that may insert runs could have forged these items.
        A run with such an item is not clean.
        """
        return [each for each in self.findings if isinstance(each, dict) and _is_finding(each)]
