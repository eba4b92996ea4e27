"""Receipts that the owner of an account attaches to transactions. Attachments do not change
transactions.
"""

import uuid
from typing import ClassVar, Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from ledger.db.ids import pk_of
from ledger.db.triggers import FirmTrigger, refuse
from transactions.models.transaction import Transaction

MAX_BYTES = 5 * 1024 * 1024
NAME_LIMIT = 100  # maximum number of characters

OF_OWN_SIDE = FirmTrigger(
    name="attachment_of_own_side",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF NOT EXISTS (
            SELECT FROM transactions AS row
            JOIN accounts AS side ON side.id IN (row.from_account_id, row.to_account_id)
            WHERE row.id = NEW.transaction_id AND side.user_id = NEW.owner_id
        ) THEN
            {refuse("attachment_of_own_side", "Only the owner of a side can attach a receipt.")}
        END IF;
        RETURN NEW;
    """,
)


class AttachmentKind(models.TextChoices):
    """The kind of an attachment. Pictures are always stored as JPEG."""

    PICTURE = "picture", "Picture"
    DOCUMENT = "document", "PDF"


ENDINGS = {AttachmentKind.PICTURE: ".jpg", AttachmentKind.DOCUMENT: ".pdf"}
TYPES = {AttachmentKind.PICTURE: "image/jpeg", AttachmentKind.DOCUMENT: "application/pdf"}


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    """Queries for attachments. Only the person who uploaded an attachment can see it. Therefore
    every query must begin with `of(owner)`.
    """

    def of(self, owner: "User | uuid.UUID") -> Self:
        """Returns the attachments of this person. The content is not loaded."""
        return self.filter(owner=pk_of(owner)).defer("content")

    def about(self, transaction: "Transaction | uuid.UUID") -> Self:
        """Returns the attachments of one transaction."""
        return self.filter(transaction=pk_of(transaction))

    def in_order(self) -> Self:
        """Sorts the attachments, oldest first."""
        return self.order_by("created_at", "pk")


class Attachment(models.Model):
    """A picture or PDF that a person attached to a transaction. Only this person can see the
    attachment. Attachments can be removed, but not changed.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=NAME_LIMIT, blank=True, db_comment="Without its ending")
    kind = models.CharField(max_length=10, choices=AttachmentKind.choices)
    size = models.IntegerField(db_comment="Bytes")
    content = models.BinaryField(null=True, db_comment="NULL if it is in S3, under the row's id")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        db_table = "attachments"
        db_table_comment = "Receipts that people attach to transactions, for themselves"
        default_permissions = ()  # no permissions: only its owner can see it, regardless of roles
        triggers: ClassVar[list[pgtrigger.Trigger]] = [OF_OWN_SIDE]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["owner", "transaction"], name="attachments_of_owner"),
        ]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                name="attachment_kind_valid",
                condition=Q(kind__in=["picture", "document"]),
                violation_error_message="It is a picture or a PDF.",
            ),
            models.CheckConstraint(
                name="attachment_size_valid",
                condition=Q(size__range=(1, MAX_BYTES)),
                violation_error_message="It has at least one byte, and at most 5 MB.",
            ),
            models.CheckConstraint(
                name="attachment_content_whole",
                condition=Q(
                    models.lookups.Exact(
                        models.Func(
                            "content", function="octet_length", output_field=models.IntegerField()
                        ),
                        models.F("size"),
                    )
                ),  # also true if there is no content
                violation_error_message="Its size is that of its content.",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def file_name(self) -> str:
        """The name of the file when it is downloaded. The extension matches the kind."""
        return (self.name or "receipt") + ENDINGS[AttachmentKind(self.kind)]

    @property
    def content_type(self) -> str:
        return TYPES[AttachmentKind(self.kind)]
