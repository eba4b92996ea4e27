"""The register of rows that are never deleted, and what was deleted all the same, and why.

Note [Register of rows]: a trigger of each append-only table notes the id and the time of every row,
and a digest of its contents. The audit looks for a row of each id, so it names what is gone, and
from when; and it digests each row again, so it names what the owner edited in place. Noting is one
INSERT that waits for nobody; a number without gaps would make each writer wait for the one before.
A row is gone by right if `row_removals` covers it, and differs from its first digest by right if
the newest of its `row_revisions` has the digest that it has now; nothing else counts.
`accounts.models.revisions` has both conditions and writes both tables, as does one trigger.

Note [Seals do not replace the register]: a nightly chain of seals over these tables would be one
mechanism fewer. But a seal finds only what was edited after it was made, and the register what was
edited after the row was written, the same day. Rows of most of these tables also end by right after
their day: they are decided, revoked, erased, or deleted when their keeping time is over. So a seal
would have to keep the id and the whole digest of each row, to name it and to leave it out, which is
the register. Only the trigger that inserts would go, and each table would need what protects sealed
days of `transactions` (`transactions.models.seal_triggers`).
"""

from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from ledger.db.history.register import registered
from ledger.db.ids import uuid7
from ledger.db.triggers import stays


class RegisteredRow(models.Model):
    """That a table has a row of this id; written by triggers alone."""

    pk = models.CompositePrimaryKey("table_name", "row_id")
    table_name = models.CharField(max_length=63)
    row_id = models.CharField(max_length=80)
    registered_at = models.DateTimeField()
    digest = models.BinaryField(
        null=True,
        db_comment="SHA-256 of the row as it was inserted; null before there were digests",
    )

    class Meta:
        db_table = "row_register"
        db_table_comment = "Every row of the append-only tables, noted by triggers"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "registered_row_stays", "registered_rows_stay", "The register of rows never changes."
        )

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}"


class RowRevision(models.Model):
    """That a row is another one by right since then: a person was erased from it, or a request was
    decided. The newest of a row counts. Triggers write it, migrations, and `accept_rows`.
    """

    number = models.BigAutoField(primary_key=True)
    table_name = models.CharField(max_length=63)
    row_id = models.CharField(max_length=80)
    digest = models.BinaryField(db_comment="SHA-256 of the row as it is since then")
    reason = models.CharField(max_length=500)
    revised_at = models.DateTimeField()
    role = models.CharField(max_length=63, db_comment="Of the database")
    session = models.CharField(max_length=60, db_comment="Of the database: process and address")

    class Meta:
        db_table = "row_revisions"
        db_table_comment = "Rows of append-only tables that changed by right, and why"
        default_permissions = ()
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["table_name", "row_id", "number"], name="row_revisions_of_row")
        ]
        triggers: ClassVar[list[pgtrigger.Trigger]] = stays(
            "revision_stays", "revisions_stay", "What became of a row, and why, never changes."
        )

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id}: {self.reason}"


class RowRemoval(models.Model):
    """Rows that the owner of the tables deleted by right: all of a table that were registered
    before a time, or those with these ids.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    table_name = models.CharField(max_length=63)
    removed_before = models.DateTimeField(null=True)
    row_ids = ArrayField(models.CharField(max_length=80), default=list)
    reason = models.CharField(max_length=500)
    removed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "row_removals"
        db_table_comment = "What was deleted from append-only tables, and why"
        default_permissions = ()
        triggers: ClassVar[list[pgtrigger.Trigger]] = [
            *registered(),
            *stays("removal_stays", "removals_stay", "What was removed, and why, never changes."),
        ]

    def __str__(self) -> str:
        return f"{self.table_name}: {self.reason}"
