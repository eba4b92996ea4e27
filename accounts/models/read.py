"""Who read whose data: one row for each page that showed somebody the rows of others by right."""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils import timezone

from accounts.models.user import User
from ledger.db.ids import uuid7
from ledger.db.triggers import stays


class Read(models.Model):
    """A page that a colleague opened, and the people whose rows it read. Never changed.

    No other table refers to it, so that the owner can delete old rows by range of `read_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    read_at = models.DateTimeField(default=timezone.now)
    reader = models.ForeignKey(User, models.PROTECT, related_name="+")
    page = models.CharField(max_length=100, db_comment="The name of the URL")
    path = models.CharField(max_length=200)
    query = models.CharField(max_length=500, blank=True)
    people = ArrayField(models.UUIDField(), db_comment="Whose rows were read, at most 500")
    address = models.CharField(max_length=200)
    request = models.CharField(max_length=200, db_comment="As in the security log")

    class Meta:
        db_table = "reads"
        db_table_comment = "Who read whose data; inserted once, never changed"
        default_permissions = ("view",)
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["-read_at", "-id"], name="reads_newest"),
            models.Index(fields=["reader", "-read_at"], name="reads_by_reader"),
            GinIndex(fields=["people"], name="reads_of_people"),
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "read_stays", "reads_stay", "The log of reads is never edited or deleted."
        )

    def __str__(self) -> str:
        return f"{self.path} by {self.reader_id}"
