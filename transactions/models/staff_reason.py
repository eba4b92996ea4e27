"""`StaffReason`, the model of a reason for which staff booked or released something, with the
message to the customer.
"""

from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils import timezone

from accounts.models import User
from accounts.models.author_triggers import by_its_author, of_now
from ledger.db.history.register import EMPTIED, registered
from ledger.db.ids import uuid7
from ledger.db.triggers import stays
from transactions.models.staff_triggers import RELEASED_BY_STRANGER

# The author of an approved action is the person who requested the action. The signed-in person is
# often another person: the manager who approved the action.
REQUESTED_BY_AUTHOR = """EXISTS (
    SELECT FROM approval_requests AS request
    WHERE request.transaction_id = added.transaction_id AND request.kind = added.action
      AND request.requested_by_id = added.written_by_id
      AND request.status IN ('approved', 'done')
      AND request.reason = added.reason
      AND coalesce(request.parameters->>'message', '') = added.message)"""


class StaffReason(models.Model):
    """The reason for which staff refunded a payment, placed, captured or released a hold, or paid
    from a file. A reason is never changed or deleted.

    Only staff may read reasons. Reasons are not stored in the metadata, because the account's owner
    can search and download metadata.
    """

    class Action(models.TextChoices):
        REFUND = "refund", "Refunded"
        HOLD = "hold", "Held"
        CAPTURE = "capture", "Captured"
        RELEASE = "release", "Released"
        FILE = "file", "Paid from a file"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    transaction = models.ForeignKey(
        "transactions.Transaction", models.PROTECT, related_name="reasons"
    )
    action = models.CharField(max_length=10, choices=Action.choices)
    reason = models.CharField(max_length=500, db_comment="For colleagues; never shown to the owner")
    message = models.CharField(
        max_length=500, blank=True, default="", db_comment="What the owner reads"
    )
    written_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "transaction_notes"
        db_table_comment = "Why staff refunded, held, captured, released, paid from a file"
        ordering = ("created_at",)
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["transaction", "action"], name="note_once_per_transaction_and_action"
            ),
            models.CheckConstraint(
                name="note_action_valid",
                condition=models.Q(action__in=["refund", "hold", "capture", "release", "file"]),
                violation_error_message=(
                    "A reason belongs to a refund, hold, capture, release or payment from a file."
                ),
            ),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            of_now("note_is_of_now", "created_at"),
            by_its_author(
                "note_by_its_author",
                "written_by_id",
                "A reason names the person who is signed in.",
                unless=REQUESTED_BY_AUTHOR,
            ),
            *registered(erased={"reason": EMPTIED, "message": EMPTIED}),
            RELEASED_BY_STRANGER,
            *stays("note_stays", "notes_stay", "A reason never changes.", "Reasons never change."),
        ]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.reason}"
