"""The register of rows that are never deleted, and the accepted exceptions with their reasons.

Note [Register of rows]: a trigger of each append-only table records the id and the time of every
row, a digest of its contents, and its account or transaction. The audit looks for the row of each
id, so it reports deleted rows, when they were written, and their account. The audit computes each
digest again, so it reports rows that the owner of the tables edited in place. The trigger needs one
INSERT without a lock. Consecutive numbers would also reveal deleted rows, but then each writer
would have to wait for the previous writer. A missing row is accepted if a row of `row_removals`
covers it. A changed row is accepted if its newest row in `row_revisions` contains its current
digest. `accounts.models.revisions` contains the SQL of these two conditions and writes to
`row_removals` and `row_revisions`. A trigger also writes to `row_revisions`.

Note [Seals do not replace the register]: nightly seals over these tables would be simpler. But a
seal finds only edits that happen after the seal was made. The register finds every edit after the
row was written, also on the same day, except in columns without a digest. Rows of most of these
tables also change legitimately: they are decided, revoked, erased, or deleted after the retention
period. A seal would have to store the id and digest of each such row in order to exclude it, and
the register stores the same data. With seals, only the trigger on INSERT would become unnecessary.
Each table would then need the protection that sealed days of `transactions` have
(`transactions.models.seal_triggers`).
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
    """A record that a table contains a row with this id. Only triggers insert these records."""

    pk = models.CompositePrimaryKey("table_name", "row_id")
    table_name = models.CharField(max_length=63)
    row_id = models.CharField(max_length=80)
    registered_at = models.DateTimeField()
    digest = models.BinaryField(
        null=True,
        db_comment="SHA-256 of the row as it was inserted; null before there were digests",
    )
    about = models.UUIDField(
        null=True, db_comment="The account or transaction of the row, if its table has one"
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
    """A legitimate change of a row, for example the erasure of a text or the decision of a request.
    Only the newest revision of a row is used. Triggers, migrations and `accept_rows` insert
    revisions.
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
    """A legitimate deletion of rows by the owner of the tables: of the rows with these ids, or of
    all rows of a table that were registered before a time.
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
